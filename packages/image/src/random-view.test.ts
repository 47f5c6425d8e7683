import { randomStream } from "@clip-ts/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { flipHorizontal } from "./crop.ts";
import { formulaImage } from "./fixtures/formula-image.ts";
import type { Pixels } from "./pixels.ts";
import { clipPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { preprocess } from "./preprocess.ts";
import { randomView, type RandomViewConfig } from "./random-view.ts";

const whole = { scale: [1, 1], ratio: [1, 1] } as const;
/** Values as they are, from 0 to 1. */
const plain: PreprocessConfig = {
  ...clipPreprocess(16),
  alpha: [255, 255, 255],
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

const view = (pixels: Pixels, config: RandomViewConfig, seed = 1): Float32Array =>
  randomView(pixels, plain, { ...whole, ...config }, randomStream(seed));

function largest(one: Float32Array, other: Float32Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);
}

function filled(color: readonly number[], side = 16): Pixels {
  const data = new Uint8Array(side * side * color.length).map((_, i) => color[i % color.length]!);
  return { data, width: side, height: side, channels: color.length as Pixels["channels"] };
}

const firstPlace = (planes: Float32Array): number[] =>
  [0, 1, 2].map((channel) => (planes[channel * 256] as number) * 255);

test.each([1, 3, 4] as const)("without chance, %i channels are only laid over and normalised", (channels) => {
  const image = formulaImage(16, 16, channels);
  expect(largest(view(image, {}), preprocess(image, plain))).toBeLessThan(1.01 / 255);
  const clip = clipPreprocess(16);
  const opaque = formulaImage(16, 16);
  expect(largest(randomView(opaque, clip, whole, randomStream(1)), preprocess(opaque, clip))).toBeLessThan(1e-5);
});

test("a mirrored view is the mirrored image, one turned twice by a right angle is upside down", () => {
  const image = formulaImage(16, 16);
  const mirrored = view(image, { flipProbability: 1 });
  expect(largest(mirrored, view(flipHorizontal(image), {}))).toBeLessThan(1e-6);
  const square = { width: 16, height: 16 };
  const rotated = randomView(
    image,
    plain,
    { ...whole, rotation: 180 },
    {
      ...randomStream(1),
      uniform: () => 1, // every draw at its upper end: half a turn, no flip
    },
  );
  const rows = Array.from({ length: 16 }, (_, row) => image.data.slice(row * 48, row * 48 + 48));
  const upsideDown = Uint8Array.from(rows.toReversed().flatMap((row) => [...row]));
  const expected = view(flipHorizontal({ ...square, channels: 3, data: upsideDown }), {});
  expect(largest(rotated, expected)).toBeLessThan(1e-6);
});

test("what is transparent, or beyond the edge, shows the background", () => {
  expect(firstPlace(view(filled([9, 9, 9, 0]), {}))).toEqual([255, 255, 255]);
  const far = randomView(
    filled([0, 0, 0]),
    plain,
    { ...whole, translation: 1 },
    {
      ...randomStream(1),
      uniform: () => 0, // wholly beyond the first corner
    },
  );
  expect(new Set(far)).toEqual(new Set([1]));
  const half = firstPlace(view(filled([0, 200, 100, 128]), {}));
  half.forEach((value, channel) => {
    const expected = [127, 227.4, 177.2][channel] as number;
    expect(Math.abs(value - expected)).toBeLessThan(1);
  });
  const drawn = Array.from({ length: 20 }, (_, seed) =>
    firstPlace(view(filled([9, 9, 9, 0]), { backgroundProbability: 1 }, seed)).join(),
  );
  expect(new Set(drawn).size).toBe(20);
});

test("without a background, edges fade to what normalising makes 0", () => {
  const config = clipPreprocess(16);
  const random = { ...randomStream(1), uniform: () => 0 };
  const far = randomView(filled([9, 9, 9]), config, { ...whole, translation: 1 }, random);
  expect(far.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBeLessThan(1e-6);
});

test("a view that shrinks an image is made of means, not of single pixels", () => {
  const side = 128;
  const board = Uint8Array.from({ length: side * side * 3 }, (_, byte) => {
    const pixel = Math.trunc(byte / 3);
    return ((pixel % side) + Math.trunc(pixel / side)) % 2 === 0 ? 255 : 0;
  });
  const planes = view({ data: board, width: side, height: side, channels: 3 }, { rotation: 0 });
  const inner = Array.from(planes).filter((_, i) => i % 16 > 0 && i % 16 < 15 && i % 256 > 16 && i % 256 < 240);
  for (const value of inner) expect(Math.abs(value - 0.5)).toBeLessThan(0.01);
});

test("grey has three equal planes; brightness moves all, hue leaves grey alone", () => {
  const grey = view(formulaImage(16, 16), { grayscaleProbability: 1 });
  expect(largest(grey.slice(0, 256), grey.slice(256, 512))).toBeLessThan(1e-6);
  expect(largest(grey.slice(0, 256), grey.slice(512))).toBeLessThan(1e-6);
  const colorJitter = { saturation: 0.9, hue: 0.5, contrast: 0.9 };
  for (let seed = 0; seed < 20; seed++) {
    for (const value of firstPlace(view(filled([90, 90, 90]), { colorJitter }, seed))) {
      expect(value).toBeCloseTo(90, 3);
    }
    const [red, , blue] = firstPlace(view(filled([100, 50, 10]), { colorJitter: { brightness: 0.5 } }, seed)) as [
      number,
      number,
      number,
    ];
    expect(red / blue).toBeCloseTo(10, 3);
  }
});

test("a third of the colour wheel turns red into green", () => {
  const random = { ...randomStream(1), uniform: () => 1 };
  const config = { ...whole, colorJitter: { hue: 1 / 3 } };
  const planes = randomView(filled([200, 0, 0]), plain, config, random);
  const [red, green, blue] = firstPlace(planes) as [number, number, number];
  expect(green).toBeCloseTo(200, 3);
  expect([red, blue].every((value) => Math.abs(value) < 1e-3)).toBe(true);
});

test("the same stream gives the same numbers, whatever was seen before; values stay in range", () => {
  const seeds = fc.integer({ min: 0, max: 10_000 });
  const config: RandomViewConfig = {
    scale: [0.3, 1.2],
    ratio: [0.7, 1.4],
    rotation: 30,
    translation: 0.2,
    flipProbability: 0.5,
    colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
    grayscaleProbability: 0.2,
    backgroundProbability: 0.5,
  };
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), (seed, width, height) => {
      const image = formulaImage(width, height, 4);
      const first = view(image, config, seed);
      view(image, config, seed + 1);
      expect(view({ ...image }, config, seed)).toEqual(first);
      for (const value of first) expect(value >= 0 && value <= 1).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("values out of range are refused by name", () => {
  const refuse = (config: RandomViewConfig, name: string): void =>
    expect(() => view(filled([1, 2, 3]), config)).toThrow(name);
  refuse({ rotation: 200 }, "rotation");
  refuse({ translation: 2 }, "translation");
  refuse({ scale: [0, 1] }, "scale");
  refuse({ backgroundProbability: 2 }, "backgroundProbability");
  refuse({ grayscaleProbability: -1 }, "grayscaleProbability");
  refuse({ flipProbability: 2 }, "flipProbability");
  refuse({ colorJitter: { hue: 0.6 } }, "hue");
  refuse({ colorJitter: { contrast: -1 } }, "contrast");
});
