import { pixelForm, type PixelForm } from "@clip-ts/vision-encoder";
import fc from "fast-check";
import { expect, test } from "vitest";
import { preset } from "./presets.ts";
import { checkLimits, imageBatches } from "./image-batches.ts";

/** Rows of patches, three numbers each. */
const rows: PixelForm = { shape: ["patches", 3] };

/** Images of so many patches, each filled with its own number. */
const imagesOf = (patches: readonly number[]): Float32Array[] =>
  patches.map((count, index) => new Float32Array(3 * count).fill(index + 1));

test("batches hold every image once, and never more images or tokens than they may", () => {
  const patches = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 40 });
  const limits = fc.record({
    batchSize: fc.integer({ min: 1, max: 9 }),
    maxTokens: fc.integer({ min: 112, max: 900 }),
  });
  fc.assert(
    fc.property(patches, limits, (counts, limit) => {
      const batches = [...imageBatches(imagesOf(counts), rows, limit)];
      const items = batches.flatMap((batch) => batch.items);
      expect(items.toSorted((a, b) => a - b)).toEqual(counts.map((_, index) => index));
      for (const { items: some, pixels } of batches) {
        expect(some.length).toBeLessThanOrEqual(limit.batchSize);
        expect(pixels.length / 3).toBeLessThanOrEqual(limit.maxTokens);
        const width = pixels.length / some.length;
        expect(width % 48).toBe(0); // lengths in steps of 16
        some.forEach((item, row) => {
          const image = pixels.subarray(row * width, (row + 1) * width);
          expect(image.filter((value) => value === item + 1)).toHaveLength(3 * counts[item]!);
          expect(image.indexOf(0) === -1 || image.indexOf(0) === 3 * counts[item]!).toBe(true);
        });
      }
    }),
  );
});

test("a batch ends where one image more would be too many tokens", () => {
  const images = imagesOf([60, 10, 33, 16, 12, 64]);
  const itemsOf = (limits: { batchSize: number; maxTokens?: number }): (readonly number[])[] =>
    [...imageBatches(images, rows, limits)].map(({ items }) => items);
  expect(itemsOf({ batchSize: 32 })).toEqual([[1, 4, 3, 2, 0, 5]]);
  expect(itemsOf({ batchSize: 32, maxTokens: 64 })).toEqual([[1, 4, 3], [2], [0], [5]]);
  expect(itemsOf({ batchSize: 2, maxTokens: 128 })).toEqual([
    [1, 4],
    [3, 2],
    [0, 5],
  ]);
});

test("limits that no image keeps are refused, and a budget for images of one size", () => {
  const alone = /An image of 33 patches, filled up to 48, .* \(maxTokens 40\): allow 48 or more/u;
  expect(() => [...imageBatches(imagesOf([3, 33]), rows, { batchSize: 4, maxTokens: 40 })]).toThrow(alone);
  expect(() => checkLimits({ maxTokens: 40 }, rows, 33)).toThrow(alone);
  expect(() => checkLimits({ maxTokens: 48 }, rows, 33)).not.toThrow();
  expect(() => checkLimits({ maxTokens: 1.5 }, rows)).toThrow(/whole number of patches, 1 or more; got 1.5/u);
  const planes = pixelForm(preset("nano").vision);
  expect(() => checkLimits({ maxTokens: 4096 }, planes)).toThrow(/those of this model are all of one size/u);
  expect(() => checkLimits({ batchSize: 4 }, planes)).not.toThrow();
});
