// Alone in its file: the wasm backend must be as tfjs ships it, where the ones of oneHot are 1.4e-45.
import { tensorsLeftBy } from "@clip-ts/test-utils";
import { setBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fitLinearProbe } from "./linear-probe.ts";

test("an engine that computes a wrong loss is an error, and no probe that learnt nothing", async () => {
  await import("@tensorflow/tfjs-backend-wasm");
  await setBackend("wasm");
  const features = { values: Float32Array.of(1, 0, 0, 1), rows: 2, dim: 2 };
  const left = await tensorsLeftBy(async () => {
    await expect(fitLinearProbe(features, [0, 1])).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /should be 0\.69\d+, but the "wasm" backend computes .*e-4\d/u,
      ),
    });
  });
  expect(left).toBe(0);
});
