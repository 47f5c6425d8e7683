import { activate, countParams, initParams, l2Normalize, linear, type LinearParams } from "@clip-ts/core";
import {
  gradientFaults,
  largestDifference,
  randomTensor,
  reference,
  tensorsLeftBy,
  weightedSum,
} from "@clip-ts/test-utils";
import { add, mul, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import {
  initialLogitScale,
  logitBiasSpec,
  logitScaleBounds,
  logitScaleSpec,
  maxLogitScale,
  project,
  projectionSpec,
  type MlpHeadParams,
  type ProjectionParams,
} from "./project.ts";

const params = initParams(projectionSpec(6, 4), 1) as LinearParams;
const feature = randomTensor([3, 6], "feature");

test("is a linear map scaled to length 1, in float64", async () => {
  const weight = await params.weight.data();
  const mapped = reference.linear(await feature.data(), { weight }, { rows: 3, inputs: 6, outputs: 4 });
  const actual = await project(params, feature).data();
  expect(largestDifference(actual, reference.l2Normalize(mapped, 4))).toBeLessThan(1e-6);
});

test("the length of a feature does not matter, only its direction", async () => {
  const expected = await project(params, feature).data();
  expect(largestDifference(await project(params, mul(feature, 40)).data(), expected)).toBeLessThan(1e-6);
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

test("an affine head adds a bias before the length is taken away", async () => {
  const affine = initParams(projectionSpec(6, 4, "affine"), 1) as LinearParams;
  expect(affine.bias?.shape).toEqual([4]);
  const bias = randomTensor([4], "bias");
  const shifted = await project({ ...affine, bias }, feature).data();
  const expected = l2Normalize(add(linear({ weight: affine.weight }, feature), bias));
  expect(largestDifference(shifted, await expected.data())).toBeLessThan(1e-6);
});

test("an MLP head is two matrices around a GELU, half as wide as both ends", async () => {
  const head = initParams(projectionSpec(6, 4, "mlp"), 1) as MlpHeadParams;
  expect([head.fc1.weight.shape, head.fc2.weight.shape]).toEqual([
    [5, 6],
    [4, 5],
  ]);
  expect([head.fc1.bias, head.fc2.bias]).toEqual([undefined, undefined]);
  const inner = activate("gelu", linear(head.fc1, feature));
  const expected = l2Normalize(linear(head.fc2, inner));
  const actual = project(head, feature);
  expect(largestDifference(await actual.data(), await expected.data())).toBeLessThan(1e-6);
  const objective = (tree: { head: MlpHeadParams; feature: Tensor }): Tensor =>
    weightedSum(project(tree.head, tree.feature));
  expect(await gradientFaults(objective, { head, feature }, { entries: 4 })).toEqual([]);
});

test("without a head only the length changes", async () => {
  const expected = reference.l2Normalize(await feature.data(), 6);
  const actual = await project(undefined, feature).data();
  expect(largestDifference(actual, expected)).toBeLessThan(1e-6);
});

test("the sigmoid loss's bias starts low, in the shape its checkpoint has", () => {
  expect(logitBiasSpec()).toMatchObject({ shape: [], init: { kind: "constant", value: -10 } });
  expect(logitBiasSpec(0, [1])).toMatchObject({ shape: [1], init: { kind: "constant", value: 0 } });
});

test("the logit scale starts at the logarithm of 1 / 0.07 and stops at that of 100", () => {
  expect(Math.exp(initialLogitScale)).toBeCloseTo(14.2857, 4);
  expect(logitScaleSpec().init).toEqual({ kind: "constant", value: initialLogitScale });
  expect(logitScaleSpec(1).shape).toEqual([]);
  expect(logitScaleBounds).toEqual({ min: 0, max: maxLogitScale });
  expect(Math.exp(maxLogitScale)).toBeCloseTo(100, 6);
});

test("leaves only the projected rows behind", async () => {
  expect(await tensorsLeftBy(() => tidy(() => project(params, feature)))).toBe(1);
});
