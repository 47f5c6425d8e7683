import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import { reshape, tensor, transpose } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { conv2d, patchify } from "./convolution.ts";
import { linear } from "./layers.ts";

test("patches run left to right, top to bottom, channels outermost", async () => {
  const image = tensor(
    Array.from({ length: 32 }, (_, index) => index),
    [1, 2, 4, 4],
  );
  const patches = patchify(image, 2);
  expect(patches.shape).toEqual([1, 4, 8]);
  expect(await patches.array()).toEqual([
    [
      [0, 1, 4, 5, 16, 17, 20, 21],
      [2, 3, 6, 7, 18, 19, 22, 23],
      [8, 9, 12, 13, 24, 25, 28, 29],
      [10, 11, 14, 15, 26, 27, 30, 31],
    ],
  ]);
});

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 3 }),
  patch: fc.integer({ min: 1, max: 4 }),
});

test("no pixel is lost: laying the patches out again gives the images back", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async ({ batch, channels, rows, columns, patch }) => {
      const images = randomTensor([batch, channels, rows * patch, columns * patch], "images");
      const apart = reshape(patchify(images, patch), [batch * rows, columns, channels, patch, patch]);
      const together = transpose(
        reshape(transpose(apart, [0, 2, 3, 1, 4]), [batch, rows, channels, patch, columns * patch]),
        [0, 2, 1, 3, 4],
      );
      expect(await together.data()).toEqual(await images.data());
    }),
    { numRuns: 40 },
  );
});

test.each([
  [8, 12],
  [11, 13], // the last three rows and the last column fill no patch
])("a linear layer on patches is the convolution with the same kernel: %i × %i", async (...sides) => {
  const images = randomTensor([2, 3, ...sides], "images");
  const kernel = randomTensor([5, 3, 4, 4], "kernel");
  const byPatches = linear({ weight: reshape(kernel, [5, -1]) }, patchify(images, 4));
  const byConvolution = conv2d({ weight: kernel }, transpose(images, [0, 2, 3, 1]), {
    stride: 4,
  });
  expect(largestDifference(await byPatches.data(), await byConvolution.data())).toBeLessThan(1e-5);
});
