import { randomStream } from "@clip-ts/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { adjustBrightness, adjustContrast, adjustSaturation, toGrayscale } from "./color.ts";
import { adjustHue, colorJitter } from "./color-jitter.ts";
import { formulaImage, readFixture, shortSha256, type PillowCases } from "./fixtures/formula-image.ts";

const cases = readFixture<PillowCases>("pillow-cases");
const adjusters = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

test.each(cases.color)(
  "torchvision's $adjust $factor on Pillow images, $width x $height",
  ({ width, height, adjust, factor, sha256 }) => {
    const adjusted = adjusters[adjust](formulaImage(width, height), factor);
    expect(shortSha256(adjusted.data)).toBe(sha256);
  },
);

test.each(cases.grayscale)("Pillow's grey, $width x $height", ({ width, height, sha256 }) => {
  expect(shortSha256(toGrayscale(formulaImage(width, height)).data)).toBe(sha256);
});

test("no strength, no change", () => {
  const image = formulaImage(9, 9);
  expect(colorJitter(image, {}, randomStream(1))).toEqual(image);
});

test("the same stream gives the same colours, and every result is one of the 24 orders", () => {
  const image = formulaImage(6, 6);
  const strengths = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
  const results = Array.from({ length: 40 }, (_, seed) =>
    shortSha256(colorJitter(image, strengths, randomStream(seed)).data),
  );
  expect(new Set(results).size).toBe(40);
  expect(shortSha256(colorJitter(image, strengths, randomStream(3)).data)).toBe(results[3]);
});

test("a factor stays within its strength", () => {
  const white = { data: new Uint8Array(3).fill(100), width: 1, height: 1, channels: 3 } as const;
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0.01, max: 2, noNaN: true }), (seed, brightness) => {
      const [value = 0] = colorJitter(white, { brightness }, randomStream(seed)).data;
      expect(value).toBeGreaterThanOrEqual(Math.floor(100 * Math.max(0, 1 - brightness)) - 1);
      expect(value).toBeLessThanOrEqual(Math.min(255, 100 * (1 + brightness)));
    }),
  );
});

test.each([{ brightness: -0.1 }, { contrast: Number.NaN }, { hue: 0.6 }])("refuses the strengths %j", (strengths) => {
  const jitter = () => colorJitter(formulaImage(2, 2), strengths, randomStream(1));
  expect(jitter).toThrowError(/must be a number from 0 to/);
});

test("refuses grey and alpha", () => {
  expect(() => adjustHue(formulaImage(2, 2, 4), 0.1)).toThrowError(/call toRgb first/);
  expect(() => adjustBrightness(formulaImage(2, 2, 1), 2)).toThrowError(/call toRgb first/);
});
