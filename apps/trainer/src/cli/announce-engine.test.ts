import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { announceEngine } from "./start-engine.ts";

const wasm = { name: "wasm", detail: "1 thread", reason: "onnx: not installed" } as const;

test("which engine computes, and why, is the first line", async () => {
  const { stderr } = await captureOutput(async () => announceEngine(wasm));
  expect(stderr).toBe("engine  wasm (1 thread): onnx: not installed\n");
});

test("what makes it slow comes before, with a command that stays in one piece", async () => {
  const fix = `install ${"a-long-name ".repeat(9)}now`;
  const slowdown = { said: "onnx is not installed: wasm computes, about ten times slower", fix };
  const { stderr } = await captureOutput(async () => announceEngine({ ...wasm, slowdown }));
  expect(stderr.split("\n")).toEqual([
    "slow    onnx is not installed: wasm computes, about ten times slower",
    `        ${fix}`,
    "engine  wasm (1 thread): onnx: not installed",
    "",
  ]);
});
