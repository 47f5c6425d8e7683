import { randomStream } from "@clip-ts/base";
import { expect, test } from "vitest";
import { augment, augmentBytes, type AugmentConfig } from "./augment.ts";
import { formulaImage } from "./fixtures/formula-image.ts";
import { normalizePlanes, writePlanes } from "./planes.ts";
import { clipPreprocess, siglipPreprocess, torchvisionPreprocess } from "./preprocess-config.ts";
import { preprocess, preprocessBytes, preprocessToPixels } from "./preprocess.ts";
import { randomView, viewBytes, type RandomViewConfig } from "./random-view.ts";

const size = 24;
const makeTarget = (): Uint8ClampedArray => new Uint8ClampedArray(3 * size * size);
const change: AugmentConfig = {
  scale: [0.3, 1],
  flipProbability: 0.5,
  colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grayscaleProbability: 0.2,
};

test.each([1, 3, 4] as const)("normalised bytes of %i channels are what preprocess and augment give", (channels) => {
  const image = formulaImage(61, 43, channels);
  const target = makeTarget();
  for (const config of [clipPreprocess(size), siglipPreprocess(size), torchvisionPreprocess(clipPreprocess(size))]) {
    preprocessBytes(image, config, target);
    expect(normalizePlanes(target, size * size, config)).toEqual(preprocess(image, config));
    for (let seed = 0; seed < 10; seed++) {
      augmentBytes(image, { preprocess: config, augment: change }, randomStream(seed), target);
      expect(normalizePlanes(target, size * size, config)).toEqual(augment(image, config, change, randomStream(seed)));
    }
  }
});

test.each([
  [24, 24, 0, 0],
  [6, 2, 4, 8],
  [5, 3, 0, 0], // its pixels do not make up whole words
  [24, 24, 1, 0],
  [24, 24, 0, 2],
  [2, 2, 3, 3],
])("%i x %i pixels become planes wherever their bytes lie: at %i, to %i", (width, height, from, to) => {
  const image = formulaImage(width, height);
  const data = new Uint8Array(from + image.data.length).subarray(from);
  data.set(image.data);
  const target = new Uint8ClampedArray(new SharedArrayBuffer(to + data.length + 4), to, data.length);
  writePlanes({ ...image, data }, target);
  const planes = [0, 1, 2].flatMap((channel) => [...data].filter((_, byte) => byte % 3 === channel));
  expect([...target]).toEqual(planes);
  expect([...new Uint8Array(target.buffer, to + data.length)]).toEqual([0, 0, 0, 0]);
});

test("a place's three bytes are its pixel's channels", () => {
  const image = formulaImage(40, 30);
  const target = makeTarget();
  preprocessBytes(image, clipPreprocess(size), target);
  const { data } = preprocessToPixels(image, clipPreprocess(size));
  const count = size * size;
  expect(Array.from(data, (_, byte) => target[(byte % 3) * count + Math.trunc(byte / 3)])).toEqual([...data]);
});

test("every byte of every channel is normalised as torchvision does, step by step in float32", () => {
  const { mean, std } = clipPreprocess(size);
  const bytes = Uint8Array.from({ length: 3 * 256 }, (_, index) => index % 256);
  const values = normalizePlanes(bytes, 256, { mean, std });
  const { fround } = Math;
  for (const [index, byte] of bytes.entries()) {
    const channel = Math.trunc(index / 256);
    const centered = fround(fround(byte / 255) - fround(mean[channel]!));
    expect(values[index]).toBe(fround(centered / fround(std[channel]!)));
  }
});

test("bytes of a view are the nearest to its numbers", () => {
  const plain = { ...clipPreprocess(size), mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const view: RandomViewConfig = { ...change, rotation: 20, translation: 0.2, backgroundProbability: 0.5 };
  const target = makeTarget();
  for (let seed = 0; seed < 10; seed++) {
    const image = formulaImage(30 + seed, 41, seed % 2 === 0 ? 3 : 4);
    viewBytes(image, { preprocess: plain, view }, randomStream(seed), target);
    const numbers = randomView(image, plain, view, randomStream(seed));
    for (const [place, number] of numbers.entries()) {
      expect(Math.abs(target[place]! - 255 * number)).toBeLessThanOrEqual(0.5 + 1e-4);
    }
  }
});

test("numbers are written where they are wanted, into batches too", () => {
  const config = clipPreprocess(size);
  const target = makeTarget();
  preprocessBytes(formulaImage(30, 30), config, target);
  const batch = new Float32Array(2 * target.length).fill(7);
  const row = batch.subarray(target.length);
  expect(normalizePlanes(target, size * size, config, row)).toBe(row);
  expect(row).toEqual(normalizePlanes(target, size * size, config));
  expect(batch.subarray(0, target.length).every((value) => value === 7)).toBe(true);
  const two = Uint8ClampedArray.of(...target, ...target);
  expect(normalizePlanes(two, size * size, config)).toEqual(Float32Array.of(...row, ...row));
});

test("targets of another size are refused", () => {
  const image = formulaImage(30, 30);
  const config = clipPreprocess(size);
  const random = randomStream(1);
  const short = new Uint8ClampedArray(10);
  const message = /24 x 24 holds 3 planes, 1728 values; got 10/u;
  expect(() => preprocessBytes(image, config, short)).toThrow(message);
  expect(() => augmentBytes(image, { preprocess: config, augment: {} }, random, short)).toThrow(message);
  expect(() => viewBytes(image, { preprocess: config, view: {} }, random, short)).toThrow(message);
  expect(() => normalizePlanes(short, 4, config)).toThrow(/3 planes of 4 do not make up 10 bytes/u);
  expect(() => normalizePlanes(makeTarget(), size * size, config, new Float32Array(9))).toThrow(/1728 values; got 9/u);
});
