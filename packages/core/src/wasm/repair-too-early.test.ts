// Alone in its file: the backend must not have been imported before.
import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import { repairWasmBackend } from "./index.ts";

test("repairing before the backend is imported says what to import, and can be done again", async () => {
  let caught: unknown;
  try {
    repairWasmBackend();
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("engine-unavailable");
  expect(caught.message).toContain("@tensorflow/tfjs-backend-wasm");

  await import("@tensorflow/tfjs-backend-wasm");
  expect(() => repairWasmBackend()).not.toThrow();
});
