import { flattenTree } from "@clip-ts/core";
import { gradientFaults, largestDifference, randomTensor, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { dispose, gather, slice, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { embedImages, embedTexts } from "./embed.ts";
import { forward } from "./forward.ts";
import type { PairBatch } from "./pairs.ts";
import { preset } from "./presets.ts";
import { initClip, type ClipParams } from "./spec.ts";

const config = preset("nano");
const captions = [
  [598, 10, 11, 599, 0],
  [598, 20, 599, 0, 0],
  [598, 30, 31, 32, 599],
];
const params = initClip(config, 5);
const batch: PairBatch = {
  pixelValues: randomTensor([3, 3, 8, 8], "pixels"),
  inputIds: tensor(captions.flat(), [3, 5], "int32"),
};

beforeAll(() => useEngine("cpu"));
afterAll(() => dispose(Object.values(flattenTree<Tensor>(params))));

test("the features are those of the two sides embedded alone", async () => {
  const { imageFeatures, textFeatures } = forward(params, batch, config);
  const images = await embedImages(params, batch.pixelValues, config).data();
  const texts = await embedTexts(params, batch.inputIds, config).data();
  expect(await imageFeatures.data()).toEqual(images);
  expect(await textFeatures.data()).toEqual(texts);
});

test("every parameter of both towers, heads and the scale has the gradient of central differences", async () => {
  const objective = (tree: ClipParams): Tensor => forward(tree, batch, config).loss;
  const faults = await gradientFaults(objective, params, { entries: 1, step: 2e-3 });
  expect(faults).toEqual([]);
});

test("the order of the pairs changes the order of the features and nothing else", async () => {
  const order = tensor([2, 0, 1], [3], "int32");
  const before = forward(params, batch, config);
  const after = forward(
    params,
    {
      pixelValues: gather(batch.pixelValues, order),
      inputIds: gather(batch.inputIds, order),
    },
    config,
  );
  const pairs: [Tensor, Tensor][] = [
    [after.loss, before.loss],
    [after.accuracy, before.accuracy],
    [after.imageFeatures, gather(before.imageFeatures, order)],
    [after.textFeatures, gather(before.textFeatures, order)],
    [after.logitsPerImage, gather(gather(before.logitsPerImage, order), order, 1)],
  ];
  for (const [actual, expected] of pairs) {
    expect(largestDifference(await actual.data(), await expected.data())).toBeLessThan(1e-5);
  }
});

test("one pair alone costs nothing and is always right", async () => {
  const alone = {
    pixelValues: slice(batch.pixelValues, [0], [1]),
    inputIds: slice(batch.inputIds, [0], [1]),
  };
  const { loss, accuracy } = forward(params, alone, config);
  expect((await loss.data())[0]).toBeCloseTo(0, 6);
  expect((await accuracy.data())[0]).toBe(1);
});

test("images and captions of different number are no pairs", () => {
  const odd = { ...batch, inputIds: slice(batch.inputIds, [0], [2]) };
  expect(() => forward(params, odd, config)).toThrow("logits of matching pairs: expected [3, 3], got [3, 2].");
});

test("embedding leaves one tensor behind", async () => {
  expect(await tensorsLeftBy(() => embedImages(params, batch.pixelValues, config))).toBe(1);
  expect(await tensorsLeftBy(() => embedTexts(params, batch.inputIds, config))).toBe(1);
});
