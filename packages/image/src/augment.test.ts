import { randomStream } from "@clip-ts/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { augment } from "./augment.ts";
import { flipHorizontal } from "./crop.ts";
import { formulaImage } from "./fixtures/formula-image.ts";
import { clipPreprocess } from "./preprocess-config.ts";
import { preprocess } from "./preprocess.ts";
import { drawRectangle, randomResizedCrop } from "./random-resized-crop.ts";

const whole = { scale: [1, 1], ratio: [1, 1] } as const;
const config = clipPreprocess(16);

test("without chance, a square image is only preprocessed", () => {
  const image = formulaImage(40, 40);
  expect(augment(image, config, whole, randomStream(1))).toEqual(preprocess(image, config));
  const mirrored = augment(image, config, { ...whole, flipProbability: 1 }, randomStream(1));
  expect(mirrored).toEqual(preprocess(flipHorizontal(image), config));
});

test("grey has three equal planes before normalising", () => {
  const plain = { ...config, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const planes = augment(formulaImage(30, 20, 4), plain, { grayscaleProbability: 1 }, randomStream(1));
  expect(planes.slice(0, 256)).toEqual(planes.slice(256, 512));
  expect(planes.slice(0, 256)).toEqual(planes.slice(512));
});

test("the same stream gives the same numbers, another gives others", () => {
  const image = formulaImage(50, 40);
  const all = {
    scale: [0.3, 1],
    flipProbability: 0.5,
    colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
    colorJitterProbability: 0.8,
    grayscaleProbability: 0.2,
  } as const;
  const first = augment(image, config, all, randomStream(5));
  expect(augment(image, config, all, randomStream(5))).toEqual(first);
  expect(augment(image, config, all, randomStream(6))).not.toEqual(first);
});

test("a chance of one half happens half the time", () => {
  const image = formulaImage(16, 16);
  const plain = preprocess(image, config);
  const mirrored = Array.from({ length: 400 }, (_, seed) => {
    const chance = { ...whole, flipProbability: 0.5 };
    return augment(image, config, chance, randomStream(seed))[0] !== plain[0];
  }).filter(Boolean).length;
  expect(mirrored).toBeGreaterThan(150);
  expect(mirrored).toBeLessThan(250);
});

test("a drawn rectangle lies inside the image, near the asked area and shape", () => {
  const side = fc.integer({ min: 1, max: 300 });
  const ranges = { scale: [0.5, 0.9], ratio: [0.75, 4 / 3] } as const;
  fc.assert(
    fc.property(side, side, fc.integer(), (width, height, seed) => {
      const part = drawRectangle({ width, height }, ranges, randomStream(seed));
      expect(Math.min(part.left, part.top)).toBeGreaterThanOrEqual(0);
      expect(Math.min(part.width, part.height)).toBeGreaterThan(0);
      expect(part.left + part.width).toBeLessThanOrEqual(width);
      expect(part.top + part.height).toBeLessThanOrEqual(height);
    }),
  );
});

test("an image too long for any try gives its middle at the nearest shape", () => {
  const ranges = { scale: [0.9, 1], ratio: [3 / 4, 4 / 3] } as const;
  expect(drawRectangle({ width: 300, height: 30 }, ranges, randomStream(1))).toEqual({
    left: 130,
    top: 0,
    width: 40,
    height: 30,
  });
  expect(drawRectangle({ width: 30, height: 300 }, ranges, randomStream(1))).toEqual({
    left: 0,
    top: 130,
    width: 30,
    height: 40,
  });
});

test.each([
  [{ scale: [0, 1] as const }, /scale must be a range/],
  [{ scale: [0.9, 0.5] as const }, /scale must be a range/],
  [{ scale: [0.5, 1.5] as const }, /scale must be a range/],
  [{ ratio: [-1, 1] as const }, /ratio must be a range/],
  [{ size: 0 }, /size must be a positive/],
])("refuses the crop options %j", (options, message) => {
  const draw = () => randomResizedCrop(formulaImage(9, 9), { size: 4, ...options }, randomStream(1));
  expect(draw).toThrowError(message);
});

test.each(["flipProbability", "colorJitterProbability", "grayscaleProbability"])("refuses a %s above one", (name) => {
  const change = { [name]: 1.5 };
  const call = () => augment(formulaImage(9, 9), config, change, randomStream(1));
  expect(call).toThrowError(`${name} must be a number from 0 to 1, got 1.5`);
});
