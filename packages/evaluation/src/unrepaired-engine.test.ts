// Alone in its file: the wasm backend must be as tfjs ships it, where the ones of oneHot are 1.4e-45.
import { largestDifference, tensorsLeftBy } from "@clip-ts/test-utils";
import { setBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fitLinearProbe } from "./linear-probe.ts";

test("an engine with broken operations does not change what a probe learns", async () => {
  await import("@tensorflow/tfjs-backend-wasm");
  await setBackend("wasm");
  const features = { values: Float32Array.of(1, 0, 0, 1), rows: 2, dim: 2 };
  const left = await tensorsLeftBy(async () => {
    const { weight, converged } = await fitLinearProbe(features, [0, 1]);
    expect(converged).toBe(true);
    // scikit-learn 1.9.1: LogisticRegression(C=0.316, tol=1e-12), half of the one weight for each class
    const half = 0.14645101 / 2;
    expect(largestDifference(weight.values, Float32Array.of(half, -half, -half, half))).toBeLessThan(1e-6);
  });
  expect(left).toBe(0);
});
