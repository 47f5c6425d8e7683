import { randomStream } from "@clip-ts/base";
import { areaOf, augment, normalizePlanes, preprocess, randomView, type Pixels } from "@clip-ts/image";
import sharp from "sharp";
import { expect, test } from "vitest";
import type { DecodeImage } from "../file-access.ts";
import { memoryWorkers, preprocessConfig, tokenizer } from "../fixtures/memory-shards.ts";
import type { CaptionJob, ImageJob } from "./sample-workers.ts";

const decode: DecodeImage = async (bytes): Promise<Pixels> => {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height, channels: 3 };
};

const raw = Uint8Array.from({ length: 3 * 23 * 17 }, (_, index) => (index * index) % 251);
const drawn = sharp(raw, { raw: { width: 23, height: 17, channels: 3 } });
const files = [await drawn.png().toBuffer(), await drawn.jpeg().toBuffer()];
const jobs = files.map((bytes, row): ImageJob => ({
  image: { bytes },
  key: `${row}`,
  random: ["augment", 3, `${row}`],
  row,
}));
const length = 3 * areaOf(preprocessConfig.size);

function normalised(planes: Uint8ClampedArray): Float32Array {
  return normalizePlanes(planes, areaOf(preprocessConfig.size), preprocessConfig);
}

test("images are made ready to the byte, of which normalising makes the small sources' bits", async () => {
  const config = { scale: [0.3, 1], colorJitter: { brightness: 0.4, saturation: 0.3 }, flipProbability: 0.5 } as const;
  for (const change of [{}, { augment: config }]) {
    const workers = memoryWorkers({ decode, ...change });
    const slot = await workers.acquire(2);
    expect(await workers.images(jobs, slot)).toEqual([undefined, undefined]);
    for (const [row, bytes] of files.entries()) {
      const pixels = await decode(bytes, "");
      const random = randomStream(9, "augment", 3, `${row}`);
      const expected =
        "augment" in change ? augment(pixels, preprocessConfig, config, random) : preprocess(pixels, preprocessConfig);
      expect(normalised(slot.pixels.slice(row * length, (row + 1) * length))).toEqual(expected);
    }
    await workers.close();
  }
});

test("a view is rounded to bytes", async () => {
  const view = { rotation: 20, scale: [0.5, 1] } as const;
  const workers = memoryWorkers({ decode, view });
  const slot = await workers.acquire(2);
  await workers.images(jobs, slot);
  const random = randomStream(9, "augment", 3, "0");
  const expected = randomView(await decode(files[0]!, ""), preprocessConfig, view, random);
  const half = 0.5 / 255 / Math.min(...preprocessConfig.std) + 1e-5;
  for (const [index, value] of normalised(slot.pixels.slice(0, length)).entries()) {
    expect(Math.abs(value - expected[index]!)).toBeLessThan(half);
  }
  await workers.close();
});

test("captions are chosen and made into ids; faults say why", async () => {
  const workers = memoryWorkers({ captions: { txt: 1, "json.alt": 3 } });
  const side = (ending: string, text: string) => ({ ending, place: { bytes: new TextEncoder().encode(text) } });
  const job = (texts: CaptionJob["texts"], key: string): CaptionJob => ({ texts, key, random: ["caption", 0, key] });
  const both = { files: [side("txt", "a kite"), side("json", '{ "alt": "a hill", "width": 3 }')] };
  const several = await workers.captions(Array.from({ length: 200 }, (_, index) => job(both, `${index}`)));
  const said = several.map((read) => ("caption" in read ? read.caption : read.reason));
  expect(Math.abs(said.filter((caption) => caption === "a hill").length - 150)).toBeLessThan(25);
  expect(said.filter((caption) => caption === "a kite")).toHaveLength(
    200 - said.filter((one) => one === "a hill").length,
  );
  const ids = Int32Array.from(tokenizer.encode(said[0]!));
  expect(several[0]).toEqual({ caption: said[0], ids });
  expect(await workers.captions([job({ texts: { txt: " ", title: "other" } }, "empty")])).toEqual([
    { reason: "it has no caption, or only empty ones" },
  ]);
  await workers.close();
});

test("images that cannot be read say why, and the others are made", async () => {
  const workers = memoryWorkers({ decode });
  const slot = await workers.acquire(2);
  const damaged = { ...jobs[0]!, image: { bytes: new Uint8Array(5) } };
  const [fault, good] = await workers.images([damaged, jobs[1]!], slot);
  expect(fault!.reason).toMatch(/unsupported image format/);
  expect(good).toBeUndefined();
  await workers.close();
});

test("memory is lent so often and no more, and close refuses those who wait", async () => {
  const workers = memoryWorkers({ slots: 2 });
  const [one] = [await workers.acquire(2), await workers.acquire(2)];
  let isGiven = false;
  const third = workers.acquire(2).then((slot) => {
    isGiven = true;
    return slot;
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isGiven).toBe(false);
  workers.release(one);
  workers.release(one); // a second time does nothing
  expect((await third).pixels).toBe(one.pixels);
  const fourth = workers.acquire(2).catch((error: unknown) => error);
  await workers.close();
  expect(String(await fourth)).toMatch(/closed/);
  await expect(workers.captions([])).resolves.toEqual([]);
  await expect(workers.acquire(1)).rejects.toThrow(/closed/);
});
