import { randomStream } from "@clip-ts/base";
import { expect, test } from "vitest";
import { augment, augmentBytes, type AugmentConfig } from "../augment.ts";
import { formulaImage } from "../fixtures/formula-image.ts";
import { normalizePlanes } from "../planes.ts";
import { clipPreprocess, siglipPreprocess } from "../preprocess-config.ts";
import { autoAugment, type PolicyConfig } from "./apply.ts";
import { parsePolicy } from "./parse.ts";

const image = formulaImage(24, 20);
const config: PolicyConfig = { size: [20, 24], mean: [0.5, 0.25, 1.5], interpolation: "bicubic" };

const every = [
  "rand-m9-n2-mstd0.5-inc1",
  "rand-m9-n3-mmax12-p1",
  "rand-mstd101-tweights-p1",
  "rand-t3a",
  "rand-n4-t3aw-p1",
  "augmix-m3-w3",
  "augmix-m5-w4-d2-b1-a0.5-mstd1",
  "original-mstd0.5",
  "originalr",
  "v0",
  "v0r",
  "3a",
];

test.each(every)("%s: the stream decides, the image is left alone", (words) => {
  const before = Uint8Array.from(image.data);
  const made = Array.from({ length: 20 }, (_, seed) => autoAugment(image, words, config, randomStream(seed)));
  const again = Array.from({ length: 20 }, (_, seed) => autoAugment(image, words, config, randomStream(seed)));
  expect(made).toEqual(again);
  expect(new Set(made.map(({ data }) => data.join())).size).toBeGreaterThan(2);
  expect(made.every(({ width, height, channels }) => width === 24 && height === 20 && channels === 3)).toBe(true);
  expect(image.data).toEqual(before);
});

test("no layers, and a chance of nothing, change nothing", () => {
  for (const words of ["rand-n0", "rand-p0-n5"]) {
    expect(autoAugment(image, words, config, randomStream(1)).data).toEqual(image.data);
  }
});

test("a mix of one chain that changes nothing is the image, but for what float32 rounds", () => {
  const grey = { ...image, data: new Uint8Array(image.data.length).fill(128) };
  // no contrast, no colours, no edges: of AugMix's operations only brightness and thresholds could be seen
  const { data } = autoAugment(grey, "augmix-m0-w1-d1-mstd0", config, randomStream(4));
  expect(Math.max(...data.map((byte) => Math.abs(byte - 128)))).toBeLessThanOrEqual(1);
});

test("where an image is moved away there is the mean's colour", () => {
  const black = { ...image, data: new Uint8Array(image.data.length) };
  const colors = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { data } = autoAugment(black, "augmix-m10-w1-d1-mstd0", config, randomStream(seed));
    for (let byte = 0; byte < data.length; byte += 3) colors.add(data.subarray(byte, byte + 3).join());
  }
  // blended with black by a share: green half of red, blue twice of it
  const moved = [...colors].map((color) => color.split(",").map(Number)).filter(([red, green]) => red! > green! + 20);
  expect(moved.length).toBeGreaterThan(0);
  for (const [red, green, blue] of moved) {
    expect(Math.abs(red! - 2 * green!)).toBeLessThanOrEqual(2);
    expect(Math.abs(blue! - 2 * red!)).toBeLessThanOrEqual(2);
  }
});

test("augment does it between mirror and colours, and bytes give the same numbers", () => {
  const preprocess = clipPreprocess(16);
  const plain: AugmentConfig = { scale: [0.5, 1] };
  const changes: AugmentConfig = { ...plain, autoAugment: "rand-m9-p1", randomInterpolation: true };
  const exact = augment(image, preprocess, changes, randomStream(2));
  const bytes = new Uint8ClampedArray(3 * 256);
  augmentBytes(image, { preprocess, augment: changes }, randomStream(2), bytes);
  expect(normalizePlanes(bytes, 256, preprocess)).toEqual(exact);
  expect(exact).not.toEqual(augment(image, preprocess, plain, randomStream(2)));
});

test("crops by a random filter are of both", () => {
  const preprocess = siglipPreprocess(8);
  const whole = { scale: [1, 1], ratio: [1, 1], randomInterpolation: true } as const;
  const square = formulaImage(20, 20);
  const made = new Set(
    Array.from({ length: 20 }, (_, seed) => augment(square, preprocess, whole, randomStream(seed)).join()),
  );
  expect(made.size).toBe(2);
});

test("timm's words are read", () => {
  expect(parsePolicy("rand-m9-n3-mstd0.5-mmax12")).toMatchObject({ magnitude: 9, layers: 3, deviation: 0.5, most: 12 });
  expect(parsePolicy("rand-mstd101")).toMatchObject({ magnitude: 10, layers: 2, deviation: Number.POSITIVE_INFINITY });
  expect(parsePolicy("augmix")).toMatchObject({
    width: 3,
    depth: 0,
    magnitude: 3,
    deviation: Number.POSITIVE_INFINITY,
  });
});

test.each([
  ["random", /"random" is no policy/u],
  ["rand-m9.5", /"m" should be a whole number/u],
  ["rand-x3", /"x3" should be a number behind one of m, n/u],
  ["rand-m", /"m" should be a number behind/u],
  ["rand-p2", /"p" should be a number from 0 to 1/u],
  ["rand-tall", /"tall" should be tweights, t3a or t3aw/u],
  ["rand-n16-tweights", /"n" should be 15 at most/u],
  ["augmix-w0", /"w" should be a whole number from 1/u],
  ["augmix-a0", /"a" should be above 0/u],
  ["v0-m3", /"m3" should be a number behind one of mstd/u],
])("refuses %s", (words, message) => {
  expect(() => parsePolicy(words)).toThrow(message);
});

test("what does not go together is refused", () => {
  const jitter: AugmentConfig = { autoAugment: "v0", colorJitter: { hue: 0.1 } };
  expect(() => augment(image, clipPreprocess(8), jitter, randomStream(0))).toThrow(/remove colorJitter/u);
  const both: AugmentConfig = { autoAugment: "3a", colorJitter: { hue: 0.1 } };
  expect(augment(image, clipPreprocess(8), both, randomStream(0))).toHaveLength(192);
  const filtered = { ...clipPreprocess(8), interpolation: "lanczos" as const };
  expect(() => augment(image, filtered, { autoAugment: "v0" }, randomStream(0))).toThrow(/"lanczos"/u);
});
