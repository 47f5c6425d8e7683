import { l2Normalize } from "@clip-ts/core";
import { gradientFaults, randomTensor, relativeError } from "@clip-ts/test-utils";
import { scalar, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { contrastiveLoss, multiPositiveLoss, pairGroups } from "./contrastive-loss.ts";

type Inputs = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor };

const inputsOf = (batch: number): Inputs => ({
  imageFeatures: l2Normalize(randomTensor([batch, 6], "images")),
  textFeatures: l2Normalize(randomTensor([batch, 6], "texts")),
  scale: scalar(14.3),
});

const groupsOf = (...groups: number[]): Tensor => tensor(groups, [groups.length], "int32");

/** The loss in float64: cross-entropy of each row and column with the mean over its group. */
async function expectedLoss(inputs: Inputs, groups: number[], smoothing: number): Promise<number> {
  const batch = groups.length;
  const [image, text] = [await inputs.imageFeatures.data(), await inputs.textFeatures.data()];
  const logit = (i: number, j: number): number =>
    14.3 * Array.from({ length: 6 }, (_, k) => image[6 * i + k]! * text[6 * j + k]!).reduce((a, b) => a + b);
  const oneWay = (score: (row: number, other: number) => number): number =>
    groups.reduce((sum, group, row) => {
      const scores = groups.map((_, other) => score(row, other));
      const total = Math.log(scores.reduce((all, one) => all + Math.exp(one), 0));
      const size = groups.filter((other) => other === group).length;
      const entropy = scores.map((one, other) => {
        const right = groups[other] === group ? 1 / size : 0;
        return (total - one) * ((1 - smoothing) * right + smoothing / batch);
      });
      return sum + entropy.reduce((a, b) => a + b) / batch;
    }, 0);
  return (oneWay(logit) + oneWay((row, other) => logit(other, row))) / 2;
}

test.each([
  [[0, 1, 2, 3, 4], 0],
  [[7, 7, 2, 7, 2], 0],
  [[0, 1, 2, 3, 4], 0.1],
  [[1, 1, 1, 1, 1], 0.3],
] as const)("equals its formula in float64: groups %j, smoothing %d", async (groups, smoothing) => {
  const inputs = inputsOf(5);
  const loss = multiPositiveLoss({ ...inputs, groups: groupsOf(...groups) }, { labelSmoothing: smoothing });
  const expected = await expectedLoss(inputs, [...groups], smoothing);
  expect(relativeError(await loss.data(), [expected])).toBeLessThan(1e-6);
});

test("without duplicates it is the contrastive loss, smoothed or not", async () => {
  const inputs = inputsOf(5);
  for (const labelSmoothing of [0, 0.2]) {
    const loss = multiPositiveLoss({ ...inputs, groups: groupsOf(4, 3, 2, 1, 0) }, { labelSmoothing });
    const plain = contrastiveLoss(inputs, { labelSmoothing });
    expect(relativeError(await loss.data(), await plain.data())).toBeLessThan(1e-6);
  }
});

test("every input has the gradient of central differences", async () => {
  const objective = (tree: Inputs): Tensor =>
    multiPositiveLoss({ ...tree, groups: groupsOf(0, 1, 0, 1, 2) }, { labelSmoothing: 0.1 });
  expect(await gradientFaults(objective, inputsOf(5), { entries: 8, step: 5e-3 })).toEqual([]);
});

test("a perfect model of duplicates pays the entropy of its choice, not more", async () => {
  const rows = tensor([1, 0, 1, 0, 0, 1], [3, 2]);
  const inputs = { imageFeatures: rows, textFeatures: rows, scale: scalar(50) };
  const loss = await multiPositiveLoss({ ...inputs, groups: groupsOf(0, 0, 2) }).data();
  expect(loss[0]).toBeCloseTo((2 * Math.log(2)) / 3, 5);
});

test("pairs are grouped by image, by caption, and by way of a third", () => {
  expect(pairGroups(["a", "b", "c", "a"], ["x", "y", "x", "z"])).toEqual(Int32Array.of(0, 1, 0, 0));
  expect(pairGroups([1, 2, 3, 4], ["x", "y", "x", "y"])).toEqual(Int32Array.of(0, 1, 0, 1));
  expect(pairGroups(["a", "b", "b", "a"], ["x", "y", "z", "z"])).toEqual(new Int32Array(4));
  expect(pairGroups([], [])).toEqual(new Int32Array(0));
  expect(() => pairGroups(["a"], [])).toThrow("got 1 images and 0 captions");
});

test("groups of another batch and too much smoothing are refused", () => {
  const inputs = inputsOf(3);
  expect(() => multiPositiveLoss({ ...inputs, groups: groupsOf(0, 1) })).toThrow(
    "groups of the pairs: expected [3], got [2].",
  );
  expect(() => contrastiveLoss(inputs, { labelSmoothing: 1 })).toThrow(
    "labelSmoothing: expected at least 0 and below 1, got 1.",
  );
});
