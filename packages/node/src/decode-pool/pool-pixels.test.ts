import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomStream } from "@clip-ts/base";
import type { ImageJob } from "@clip-ts/data";
import {
  augment,
  clipPreprocess,
  normalizePlanes,
  planesOnly,
  preprocess,
  randomView,
  torchvisionPreprocess,
  type AugmentConfig,
} from "@clip-ts/image";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { decodeImage } from "../decode-image.ts";
import { base, closePools, drawn, imageJob, makePool, rowOf, size } from "../fixtures/trial-pools.ts";
import type { DecodePoolOptions } from "./pool.ts";

const fixtures = new URL("../fixtures/images/", import.meta.url);
const { images } = JSON.parse(readFileSync(new URL("images.json", fixtures), "utf8")) as {
  images: Record<string, unknown>;
};
const names = Object.keys(images);
const file = (name: string): Buffer => readFileSync(new URL(name, fixtures));

const folder = mkdtempSync(join(tmpdir(), "decode-pool-"));
afterAll(() => rmSync(folder, { recursive: true }));

afterEach(closePools);

test("exact pixels are those of the calling thread, bit for bit, in every mode and format", async () => {
  const settings: readonly (readonly [string, Partial<DecodePoolOptions>])[] = [
    ["preprocess", {}],
    ["torchvision's preprocess", { preprocess: torchvisionPreprocess(clipPreprocess(size)) }],
    ["laid over white", { preprocess: { ...clipPreprocess(size), alpha: [255, 255, 255] } }],
    ["upright", { honourExif: true }],
    ["augment", { augment: { flipProbability: 0.5, colorJitter: { hue: 0.1, contrast: 0.3 } }, mode: "exact" }],
  ];
  for (const [label, options] of settings) {
    const pool = await makePool(options);
    const slot = await pool.acquire(names.length);
    const jobs = names.map((name, row) => imageJob(file(name), row, name));
    expect(await pool.images(jobs, slot)).toEqual(names.map(() => undefined));
    const config = options.preprocess ?? base.preprocess;
    for (const { key, row, random } of jobs) {
      const pixels = await decodeImage(file(key), key, { honourExif: options.honourExif ?? false });
      const expected =
        options.augment === undefined
          ? preprocess(pixels, config)
          : augment(pixels, planesOnly(config, "augment"), options.augment, randomStream(base.seed, ...random));
      expect(normalizePlanes(rowOf(slot, row), size ** 2, config), `${label}: ${key}`).toEqual(expected);
    }
    await pool.close();
  }
});

test("a view is that of the calling thread, to the byte", async () => {
  const view = { scale: [0.5, 1], rotation: 20, flipProbability: 0.5, colorJitter: { hue: 0.1 } } as const;
  const pool = await makePool({ view });
  const slot = await pool.acquire(names.length);
  const jobs = names.map((name, row) => imageJob(file(name), row, name));
  await pool.images(jobs, slot);
  const { mean, std } = base.preprocess;
  for (const { key, row, random } of jobs) {
    const pixels = await decodeImage(file(key), key);
    const values = randomView(pixels, planesOnly(base.preprocess, "view"), view, randomStream(base.seed, ...random));
    const plane = size ** 2;
    const worst = rowOf(slot, row).reduce((most, byte, place) => {
      const channel = Math.floor(place / plane);
      return Math.max(most, Math.abs(byte - (values[place]! * std[channel]! + mean[channel]!) * 255));
    }, 0);
    expect(worst, key).toBeLessThanOrEqual(0.501);
  }
});

describe("fast pixels", () => {
  const augmentation: AugmentConfig = { scale: [0.4, 1], flipProbability: 0.5 };

  /** Mean difference of two pools' bytes, job by job. */
  async function differences(jobs: readonly ImageJob[], options: Partial<DecodePoolOptions>): Promise<number[]> {
    const pools = [await makePool({ ...options, mode: "fast" }), await makePool({ ...options, mode: "exact" })];
    const slots = await Promise.all(pools.map((pool) => pool.acquire(jobs.length)));
    for (const [index, pool] of pools.entries()) {
      expect(await pool.images(jobs, slots[index]!)).toEqual(jobs.map(() => undefined));
    }
    return jobs.map(({ row }) => {
      const [fast, exact] = slots.map((slot) => rowOf(slot, row));
      return fast!.reduce((sum, byte, place) => sum + Math.abs(byte - exact![place]!), 0) / fast!.length;
    });
  }

  test("are exact for small pictures, and for all formats but JPEG", async () => {
    const large = drawn(400, 300, 1);
    const others = [await large.clone().png().toBuffer(), await large.clone().webp().toBuffer()];
    const jobs = [...names.map(file), ...others].map((bytes, row) => imageJob(bytes, row));
    for (const options of [{}, { augment: augmentation }]) {
      expect(Math.max(...(await differences(jobs, options)))).toBe(0);
    }
  });

  test("are near the exact ones for large JPEGs: the crops and mirrors are the same", async () => {
    const jobs: ImageJob[] = [];
    for (const [width, height] of [
      [80, 74], // cut and resized, all others decoded at a fraction
      [400, 300],
      [300, 420],
      [801, 603],
      [1203, 500],
    ] as const) {
      const picture = drawn(width, height, width);
      for (const image of [picture.clone(), picture.clone().toColourspace("b-w")]) {
        jobs.push(imageJob(await image.jpeg({ quality: 92 }).toBuffer(), jobs.length));
        jobs.push(imageJob(await image.jpeg({ progressive: true }).toBuffer(), jobs.length));
      }
    }
    for (const resize of ["shortest", "squash"] as const) {
      const config = { preprocess: { ...clipPreprocess(size), resize } };
      for (const options of [config, { ...config, augment: augmentation }]) {
        const found = await differences(jobs, options);
        expect(found.filter((difference) => difference > 0).length).toBeGreaterThan(jobs.length / 2);
        expect(Math.max(...found)).toBeLessThan(4); // another crop, or no mirror, is 15 and more
      }
    }
  });

  test("of inks, and of what is to be turned, are the exact ones", async () => {
    const cmyk = await drawn(400, 300, 2).toColourspace("cmyk").jpeg().toBuffer();
    const turned = await drawn(400, 300, 3).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const jobs = [cmyk, turned].map((bytes, row) => imageJob(bytes, row));
    expect(await differences(jobs, { honourExif: true })).toEqual([0, 0]);
  });
});

test("any number of threads, any order of jobs, and bytes from files or memory give the same bytes", async () => {
  const bytes = await Promise.all(
    [...Array(24).keys()].map((n) =>
      drawn(300 + n, 200, n)
        .jpeg()
        .toBuffer(),
    ),
  );
  const path = join(folder, "all.bin");
  writeFileSync(path, Buffer.concat(bytes));
  let offset = 0;
  const jobs = bytes.map((part, row): ImageJob => {
    const image = { path, offset, length: part.length };
    offset += part.length;
    return { ...imageJob(part, row), image };
  });
  const options = { augment: { flipProbability: 0.5 } };
  const made: Uint8ClampedArray[] = [];
  for (const [threads, list] of [
    [1, jobs],
    [2, jobs.toReversed()],
    [5, bytes.map((part, row) => imageJob(part, row))],
  ] as const) {
    const pool = await makePool({ ...options, threads });
    const slot = await pool.acquire(jobs.length);
    expect(await pool.images(list, slot)).toEqual(jobs.map(() => undefined));
    made.push(slot.pixels.slice());
  }
  expect(made[1]).toEqual(made[0]);
  expect(made[2]).toEqual(made[0]);
});
