import { countParams, initParams, type LinearParams } from "@clip-ts/core";
import {
  gradientFaults,
  largestDifference,
  randomTensor,
  reference,
  tensorsLeftBy,
  weightedSum,
} from "@clip-ts/test-utils";
import { mul, scalar, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import {
  clampLogitScale,
  initialLogitScale,
  logitScaleSpec,
  maxLogitScale,
} from "./logit-scale.ts";
import { project, projectionSpec, type ProjectionParams } from "./project.ts";

const params = initParams(projectionSpec(6, 4), 1) as LinearParams;
const feature = randomTensor([3, 6], "feature");

test("is a linear map scaled to length 1, in float64", async () => {
  const weight = await params.weight.data();
  const mapped = reference.linear(
    await feature.data(),
    { weight },
    { rows: 3, inputs: 6, outputs: 4 },
  );
  const actual = await project(params, feature).data();
  expect(largestDifference(actual, reference.l2Normalize(mapped, 4))).toBeLessThan(1e-6);
});

test("the length of a feature does not matter, only its direction", async () => {
  const expected = await project(params, feature).data();
  expect(largestDifference(await project(params, mul(feature, 40)).data(), expected)).toBeLessThan(
    1e-6,
  );
});

test("weight and feature have the gradients of central differences", async () => {
  const objective = (tree: { params: ProjectionParams; feature: Tensor }): Tensor =>
    weightedSum(project(tree.params, tree.feature));
  expect(await gradientFaults(objective, { params, feature }, { entries: 6 })).toEqual([]);
});

test("has a weight and no bias", () => {
  expect(Object.keys(projectionSpec(768, 512))).toEqual(["weight"]);
  expect(countParams(projectionSpec(768, 512))).toBe(768 * 512);
});

test("the logit scale starts at the logarithm of 1 / 0.07 and stops at that of 100", async () => {
  expect(Math.exp(initialLogitScale)).toBeCloseTo(14.2857, 4);
  expect(logitScaleSpec().init).toEqual({ kind: "constant", value: initialLogitScale });
  expect(logitScaleSpec(1).shape).toEqual([]);
  for (const [stored, kept] of [
    [-0.5, 0],
    [2, 2],
    [5, maxLogitScale],
  ] as const) {
    expect((await clampLogitScale(scalar(stored)).data())[0]).toBeCloseTo(kept, 6);
  }
});

test("leaves only the projected rows behind", async () => {
  expect(await tensorsLeftBy(() => tidy(() => project(params, feature)))).toBe(1);
});
