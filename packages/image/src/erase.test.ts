import { randomStream } from "@clip-ts/base";
import { expect, test } from "vitest";
import { augment, augmentBytes } from "./augment.ts";
import { eraseByteParts, eraseParts, type ErasingConfig } from "./erase.ts";
import { formulaImage } from "./fixtures/formula-image.ts";
import { normalizePlanes } from "./planes.ts";
import { clipPreprocess } from "./preprocess-config.ts";

const sides = { height: 20, width: 30 };
const area = 600;
const untouched = 1e6;

/** Planes of a number that no noise reaches, with parts erased. */
function erased(config: ErasingConfig, seed: number): Float32Array {
  const planes = new Float32Array(3 * area).fill(untouched);
  eraseParts(planes, sides, config, randomStream(seed, "erase"));
  return planes;
}

const changed = (planes: Float32Array, channel: number): number[] =>
  [...planes.subarray(channel * area, (channel + 1) * area)].flatMap((value, at) => (value === untouched ? [] : [at]));

test("one part is a rectangle of 2 % to a third of the image, the same in all channels", () => {
  for (let seed = 0; seed < 200; seed++) {
    const planes = erased({ probability: 1 }, seed);
    const places = changed(planes, 0);
    expect(changed(planes, 1)).toEqual(places);
    expect(changed(planes, 2)).toEqual(places);
    const rows = new Set(places.map((place) => Math.floor(place / sides.width)));
    const columns = new Set(places.map((place) => place % sides.width));
    expect(rows.size * columns.size).toBe(places.length);
    if (places.length === 0) continue; // none of ten fitted
    expect(places.length).toBeGreaterThan(0.01 * area);
    expect(places.length).toBeLessThan(0.37 * area);
    const aspect = rows.size / columns.size;
    expect(aspect).toBeGreaterThan(0.2);
    expect(aspect).toBeLessThan(5);
  }
});

test("modes are noise of each pixel, of each channel, and zeros", () => {
  const values = (mode: "pixel" | "rand" | "const"): number[][] => {
    const planes = erased({ probability: 1, mode }, 3);
    return [0, 1, 2].map((channel) => [...new Set(changed(planes, channel).map((at) => planes[channel * area + at]!))]);
  };
  expect(values("const")).toEqual([[0], [0], [0]]);
  expect(values("rand").map(({ length }) => length)).toEqual([1, 1, 1]);
  const noise = values("pixel").flat();
  const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
  const variance = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length;
  expect(Math.abs(mean)).toBeLessThan(0.2);
  expect(Math.abs(variance - 1)).toBeLessThan(0.3);
});

test("the chance is that of the config, and more parts share the area of one", () => {
  const seeds = Array.from({ length: 400 }, (_, seed) => seed);
  const hit = seeds.filter((seed) => changed(erased({ probability: 0.25 }, seed), 0).length > 0).length;
  expect(hit).toBeGreaterThan(70);
  expect(hit).toBeLessThan(130);
  expect(seeds.every((seed) => changed(erased({ probability: 0 }, seed), 0).length === 0)).toBe(true);
  const many = seeds.map((seed) => changed(erased({ probability: 1, count: 4 }, seed), 0).length / area);
  expect(Math.max(...many)).toBeLessThan(0.4);
});

test("in bytes the same parts are erased, their noise cut at black and white", () => {
  const config = clipPreprocess(24);
  const image = formulaImage(40, 30);
  const augmentation = { preprocess: config, augment: { erasing: { probability: 1 } } };
  const exact = augment(image, config, augmentation.augment, randomStream(1));
  const bytes = new Uint8ClampedArray(3 * 24 * 24);
  augmentBytes(image, augmentation, randomStream(1), bytes);
  const near = normalizePlanes(bytes, 24 * 24, config);
  const [black, white] = [
    normalizePlanes(new Uint8Array(3), 1, config),
    normalizePlanes(Uint8Array.of(255, 255, 255), 1, config),
  ];
  const differing = exact.filter((value, at) => value !== near[at]);
  expect(differing.length).toBeGreaterThan(100);
  exact.forEach((value, at) => {
    const channel = Math.floor(at / 576);
    const cut = Math.min(Math.max(value, black[channel]!), white[channel]!);
    expect(Math.abs(cut - near[at]!)).toBeLessThan(0.0077); // half a byte's step
  });
});

test.each([
  [{ probability: 1.1 }, /erasing.probability/u],
  [{ probability: 1, count: 0 }, /erasing.count/u],
  [{ probability: 1, mode: "noise" as "rand" }, /erasing.mode/u],
])("refuses %j", (config, message) => {
  const planes = new Uint8ClampedArray(3 * area);
  const { mean, std } = clipPreprocess(1);
  expect(() => eraseByteParts(planes, { ...sides, mean, std }, config, randomStream(0))).toThrow(message);
});
