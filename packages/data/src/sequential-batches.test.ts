import { clipPreprocess } from "@clip-ts/image";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { expect, test } from "vitest";
import type { Batch } from "./batch.ts";
import { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";
import { sequentialBatches } from "./tensor-batches.ts";
import type { MaxSkipped } from "./skipped-images.ts";
import { syntheticSource } from "./synthetic-source.ts";

const tokenizer = createClipTokenizer({ contextLength: 32, vocabSize: 1000 });
const source = syntheticSource({ count: 20, seed: 5, size: 12 });
let reads = 0;
const damaged = (isBroken: (index: number) => boolean): PairSource => {
  const records = source.records.map((record, index): PairRecord => ({
    ...record,
    async loadImage() {
      reads++;
      if (isBroken(index)) throw new Error("broken");
      return record.loadImage();
    },
  }));
  return pairSource("damaged", records);
};

async function collect(source: PairSource, maxSkipped: MaxSkipped = "100%"): Promise<Batch[]> {
  const preprocess = clipPreprocess(8);
  const batches: Batch[] = [];
  const options = { source, tokenizer, preprocess, batchSize: 6, maxSkipped };
  for await (const batch of sequentialBatches(options)) batches.push(batch);
  return batches;
}

test("all records once, in order, with their first caption", async () => {
  const batches = await collect(source);
  expect(batches.map(({ batch }) => batch)).toEqual([6, 6, 6, 2]);
  expect(batches.flatMap(({ keys }) => keys)).toEqual(source.records.map(({ key }) => key));
  expect(batches.flatMap(({ captions }) => captions)).toEqual(source.records.map(({ captions }) => captions[0]));
  expect(batches.at(3)?.pixelValues).toHaveLength(2 * 3 * 8 * 8);
});

test("unreadable images are left out, not replaced", async () => {
  const batches = await collect(damaged((index) => index % 2 === 1 || (index > 5 && index < 12)));
  expect(batches.map(({ batch, index }) => [index, batch])).toEqual([
    [0, 3],
    [2, 3],
    [3, 1],
  ]);
});

test("every image is read once, also with batches made ahead", async () => {
  reads = 0;
  await collect(damaged(() => false));
  expect(reads).toBe(20);
});

test("nothing readable is an error", async () => {
  await expect(collect(damaged(() => true))).rejects.toThrow(
    /damaged: 20 of 20 images cannot be read, so nothing is left/,
  );
  await expect(
    collect(
      damaged(() => true),
      3,
    ),
  ).rejects.toThrow(/no more than 3 may be left out/);
});

test("leaving early stops reading", async () => {
  reads = 0;
  const records = damaged(() => false).records.map((record): PairRecord => ({
    ...record,
    async loadImage() {
      const pixels = await record.loadImage();
      await new Promise((resolve) => setTimeout(resolve, 2));
      return pixels;
    },
  }));
  const slow = pairSource("slow", records);
  const options = { source: slow, tokenizer, preprocess: clipPreprocess(8), batchSize: 2 };
  for await (const { index } of sequentialBatches({ ...options, concurrency: 1, prefetch: 5 })) {
    if (index === 1) break;
  }
  const before = reads;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(reads).toBe(before);
  expect(before).toBeLessThan(12);
});
