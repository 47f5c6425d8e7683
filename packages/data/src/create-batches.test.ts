import { randomStream } from "@clip-ts/base";
import { clipPreprocess, preprocess } from "@clip-ts/image";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { afterEach, expect, test } from "vitest";
import type { Batch, BatchStream, SkippedImage } from "./batch.ts";
import { createBatches, type BatchesOptions } from "./create-batches.ts";
import { pairSource, type PairRecord } from "./pair-source.ts";
import { syntheticSource } from "./synthetic-source.ts";

const tokenizer = createClipTokenizer({ contextLength: 32, vocabSize: 1000 });
const source = syntheticSource({ count: 45, seed: 5, size: 20 });
const shared = { source, tokenizer, preprocess: clipPreprocess(16), batchSize: 6, seed: 9 };

const open: BatchStream[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((stream) => stream.close()));
});

function create(options: Partial<BatchesOptions> = {}): BatchStream {
  const stream = createBatches({ ...shared, ...options });
  open.push(stream);
  return stream;
}

async function take(stream: BatchStream, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let step = 0; step < count; step++) batches.push(await stream.next());
  return batches;
}

/** The records with some images unreadable, all slow by a different time. */
function damaged(isBroken: (index: number) => boolean, count = 45): BatchesOptions["source"] {
  const records = source.records.slice(0, count).map((record, index): PairRecord => ({
    ...record,
    async loadImage() {
      await new Promise((resolve) => setTimeout(resolve, (index * 7) % 5));
      if (isBroken(index)) throw new Error(`broken ${index}`);
      return record.loadImage();
    },
  }));
  return pairSource("damaged", records);
}

const augmentConfig = { flipProbability: 0.5, scale: [0.5, 1] } as const;

test("a batch holds what its keys and captions say", async () => {
  const batch = await create({ captions: "first" }).next();
  expect(batch).toMatchObject({ batch: 6, imageSize: 16, epoch: 0, index: 0 });
  expect(batch.pixelValues).toHaveLength(6 * 3 * 16 * 16);
  expect(batch.inputIds).toHaveLength(6 * batch.tokens);
  for (const [row, key] of batch.keys.entries()) {
    const record = source.records.find((one) => one.key === key)!;
    expect(batch.captions[row]).toBe(record.captions[0]);
    const planes = preprocess(await record.loadImage(), shared.preprocess);
    expect(batch.pixelValues.slice(row * planes.length, (row + 1) * planes.length)).toEqual(planes);
    const ids = tokenizer.encode(record.captions.at(0)!);
    const start = row * batch.tokens;
    expect(Array.from(batch.inputIds.slice(start, start + ids.length))).toEqual(ids);
  }
});

test("the same seed gives the same batches, another seed others", async () => {
  const [one, same, other] = await Promise.all([
    take(create(), 10),
    take(create(), 10),
    take(create({ seed: 10 }), 10),
  ]);
  expect(same).toEqual(one);
  expect(other.map(({ keys }) => keys)).not.toEqual(one.map(({ keys }) => keys));
});

const viewConfig = { rotation: 20, translation: 0.1, backgroundProbability: 0.5 } as const;

test("views are drawn anew each epoch, the same for the same seed, with or without a cache", async () => {
  const view = { ...viewConfig, scale: [0.5, 1] } as const;
  const one = create({ view });
  const [first, again] = [await take(one, 14), await take(one, 1)];
  expect(await take(create({ view, cacheBytes: 0, prefetch: 0 }), 15)).toEqual([...first, ...again]);
  expect(await take(create({ view, seed: 1 }), 14)).not.toEqual(first);
  const goesOn = create({ view, restore: { epoch: 1, batch: 6 } });
  const straight = create({ view });
  await take(straight, 13);
  expect(await take(goesOn, 2)).toEqual(await take(straight, 2));
});

test("augment and view together are refused", () => {
  expect(() => create({ view: viewConfig, augment: augmentConfig })).toThrow("give one of them");
});

test("prefetch, concurrency and cache change no result", async () => {
  const expected = await take(create({ prefetch: 0, concurrency: 1, cacheBytes: 0 }), 16);
  const slow = damaged(() => false);
  for (const prefetch of [0, 1, 5]) {
    const options = { source: slow, prefetch, concurrency: 7, cacheBytes: 20 * 20 * 3 * 10 };
    expect(await take(create(options), 16)).toEqual(expected);
  }
});

test("a restored cursor continues exactly, across the end of an epoch", async () => {
  const whole = await take(create({ augment: augmentConfig }), 20);
  for (const stop of [0, 1, 6, 7, 8, 13]) {
    const stream = create({ augment: augmentConfig });
    await take(stream, stop);
    const restore = JSON.parse(JSON.stringify(stream.cursor())) as BatchesOptions["restore"];
    const resumed = create({ augment: augmentConfig, restore: restore! });
    expect(await take(resumed, 20 - stop)).toEqual(whole.slice(stop));
  }
});

test("an epoch holds each record once; the next one has another order and other captions", async () => {
  const stream = create({ dropLast: false });
  expect(stream.stepsPerEpoch).toBe(8);
  const [first, second] = [await take(stream, 8), await take(stream, 8)];
  const captionsOf = (batches: readonly Batch[]): Record<string, string> =>
    Object.fromEntries(batches.flatMap(({ keys, captions }) => keys.map((key, row) => [key, captions.at(row)!])));
  for (const batches of [first, second]) {
    expect(batches.flatMap(({ keys }) => keys).toSorted()).toEqual(source.records.map(({ key }) => key).toSorted());
  }
  expect(second.map(({ epoch, index }) => [epoch, index])).toEqual(Array.from({ length: 8 }, (_, index) => [1, index]));
  expect(first.at(0)?.keys).not.toEqual(second.at(0)?.keys);
  expect(captionsOf(first)).not.toEqual(captionsOf(second));
});

test("augmentation differs between epochs and records, not between runs", async () => {
  const one = pairSource("one", source.records.slice(0, 1));
  const options = { source: one, batchSize: 1, captions: "first", augment: augmentConfig } as const;
  const batches = await take(create(options), 12);
  const images = new Set(batches.map(({ pixelValues }) => pixelValues.join()));
  expect(images.size).toBeGreaterThan(1);
  expect(await take(create(options), 12)).toEqual(batches);
  expect(randomStream(9, "augment", 0).uniform()).not.toBe(randomStream(9, "augment", 1).uniform());
});

test("rows are as wide as the longest caption, rounded up, at most the context", async () => {
  for (const [bucketMultiple, widths] of [
    [1, /^(?!8$)\d+$/],
    [8, /^(16|24|32)$/],
    [32, /^32$/],
  ] as const) {
    for (const { captions, tokens } of await take(create({ bucketMultiple }), 7)) {
      const longest = Math.max(...captions.map((caption) => tokenizer.encode(caption).length));
      expect(tokens).toBe(Math.min(Math.ceil(longest / bucketMultiple) * bucketMultiple, 32));
      expect(`${tokens}`).toMatch(widths);
    }
  }
});

test("unreadable images are listed once and their places filled, the same way every time", async () => {
  const isBroken = (index: number): boolean => index % 4 === 0;
  const reports: SkippedImage[] = [];
  const options = { source: damaged(isBroken), maxSkipped: 12 };
  const stream = create({ ...options, onSkip: (one) => reports.push(one) });
  const batches = await take(stream, 14);
  for (const { keys, batch } of batches) {
    expect(batch).toBe(6);
    expect(new Set(keys).size).toBe(6);
    for (const key of keys) expect(isBroken(Number(key.slice("synthetic-".length)))).toBe(false);
  }
  expect(stream.skipped).toEqual(reports);
  expect(new Set(reports.map(({ key }) => key)).size).toBe(reports.length);
  expect(reports).toContainEqual({ key: "synthetic-4", reason: "broken 4" });

  expect(stream.leftOut()).toMatchObject([{ kind: "unreadable-image", count: reports.length }]);

  const again = await take(create({ ...options, prefetch: 0, concurrency: 1 }), 14);
  expect(again).toEqual(batches);
  const restore = { epoch: 1, batch: 2 };
  expect(await take(create({ ...options, restore }), 5)).toEqual(batches.slice(9));
});

test("a failed image is not read again, nor one that is asked for twice at a time", async () => {
  const tries = new Map<string, number>();
  const records = source.records.map((record, index): PairRecord => ({
    ...record,
    async loadImage() {
      tries.set(record.key, (tries.get(record.key) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (index % 3 !== 0) throw new Error("broken");
      return record.loadImage();
    },
  }));
  const stream = create({ source: pairSource("mostly broken", records), maxSkipped: "100%" });
  await take(stream, 21);
  expect(stream.skipped).toHaveLength(30);
  expect(Math.max(...tries.values())).toBe(1);
});

test("more unreadable images than may be end the stream, and the first five are named", async () => {
  const isBroken = (index: number): boolean => index % 4 === 0;
  const stream = create({ source: damaged(isBroken) });
  const error = await take(stream, 14).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "bad-data" });
  const { message } = error as Error;
  expect(message).toMatch(
    /^damaged: 1[12] of 45 images cannot be read, and no more than 10 may be left out: mend them or raise maxSkipped \(--max-skipped of a command\)\./,
  );
  expect(message.match(/\n {2}synthetic-\d+: broken \d+/g)).toHaveLength(5);
  await expect(stream.next()).rejects.toThrow(/maxSkipped/);
  const few = create({ source: damaged(isBroken), maxSkipped: 1 });
  await expect(take(few, 14)).rejects.toThrow(/no more than 1 may/);
  const most = create({ source: damaged(isBroken), maxSkipped: "27%" });
  await expect(take(most, 14)).resolves.toHaveLength(14);
  expect(() => create({ maxSkipped: "a tenth" as never })).toThrow(/a share such as "5%"/);
});

test("with too few readable images some repeat, with none it is an error", async () => {
  const few = create({ source: damaged((index) => index > 3, 6) });
  const { keys } = await few.next();
  expect(new Set(keys)).toEqual(new Set([0, 1, 2, 3].map((index) => `synthetic-${index}`)));
  expect(keys).toHaveLength(6);

  const none = create({ source: damaged(() => true), maxSkipped: "100%" });
  await expect(none.next()).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringMatching(
      /^damaged: 45 of 45 images cannot be read, so nothing is left\. The first:\n {2}synthetic-\d+: broken/,
    ),
  });
  expect(none.skipped).toHaveLength(45);
});

test("small sets are decoded once, and no more images are read at a time than allowed", async () => {
  let reads = 0;
  let running = 0;
  let most = 0;
  const records = source.records.map((record): PairRecord => ({
    ...record,
    async loadImage() {
      reads++;
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return record.loadImage();
    },
  }));
  const counted = pairSource("counted", records);
  await take(create({ source: counted, prefetch: 1, concurrency: 3, dropLast: false }), 8 * 4);
  expect(reads).toBe(45);
  expect(most).toBe(3);
  const before = reads;
  const uncached = create({ source: counted, prefetch: 0, cacheBytes: 0, dropLast: false });
  await take(uncached, 16);
  expect(reads - before).toBe(90);
});

test("close ends reading", async () => {
  let reads = 0;
  let finished = 0;
  const records = source.records.map((record): PairRecord => ({
    ...record,
    async loadImage() {
      reads++;
      await new Promise((resolve) => setTimeout(resolve, 2 * reads));
      finished++;
      return record.loadImage();
    },
  }));
  const stream = create({ source: pairSource("slow", records), concurrency: 2, prefetch: 4 });
  const asked = stream.next();
  await new Promise((resolve) => setTimeout(resolve, 1));
  const closing = stream.close();
  await expect(asked).rejects.toThrow(/closed/);
  await closing;
  expect(finished).toBe(reads);
  const before = reads;
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(reads).toBe(before);
  expect(before).toBeLessThan(6);
});

test("options out of range say so", () => {
  expect(() => create({ batchSize: 0 })).toThrow(/batchSize must be a whole number from 1, got 0/);
  expect(() => create({ prefetch: -1 })).toThrow(/prefetch/);
  expect(() => create({ concurrency: 0 })).toThrow(/concurrency/);
  expect(() => create({ cacheBytes: 0.5 })).toThrow(/cacheBytes/);
  expect(() => create({ bucketMultiple: 0 })).toThrow(/bucketMultiple/);
  expect(() => create({ batchSize: 46 })).toThrow(/45 pairs, fewer than the batch size 46/);
  expect(() => create({ restore: { epoch: 0, batch: 7 } })).toThrow(/an epoch has 7 batches/);
});

/** The rows of several parts of one batch as the batch. */
function joined(parts: readonly Batch[]): Partial<Batch> {
  const [first] = parts;
  return {
    ...first,
    batch: parts.reduce((sum, { batch }) => sum + batch, 0),
    pixelValues: Float32Array.from(parts.flatMap(({ pixelValues }) => Array.from(pixelValues))),
    inputIds: Int32Array.from(parts.flatMap(({ inputIds }) => Array.from(inputIds))),
    keys: parts.flatMap(({ keys }) => keys),
    captions: parts.flatMap(({ captions }) => captions),
  };
}

test.each([1, 2, 3, 4, 6])(
  "the batches of %i parts are the rows of the whole ones, also around damaged images",
  async (of) => {
    const options = { source: damaged((index) => index % 9 === 4), view: { ...viewConfig, scale: [0.5, 1] as const } };
    const whole = await take(create(options), 14);
    const parts = Array.from({ length: of }, (_, index) => create({ ...options, part: { index, of } }));
    const batches = await Promise.all(parts.map((stream) => take(stream, 14)));
    for (const [step, batch] of whole.entries()) expect(joined(batches.map((part) => part[step]!))).toEqual(batch);
    expect(new Set(batches.flat().map(({ tokens }) => tokens)).size).toBeGreaterThan(1);
  },
);

test("what one number of parts saved, another goes on with", async () => {
  const whole = await take(create(), 12);
  const [four] = Array.from({ length: 3 }, (_, index) => create({ part: { index, of: 3 } }));
  await take(four!, 5);
  const restore = four!.cursor();
  const parts = [0, 1].map((index) => create({ restore, part: { index, of: 2 } }));
  const batches = await Promise.all(parts.map((stream) => take(stream, 7)));
  expect(Array.from({ length: 7 }, (_, step) => joined(batches.map((part) => part[step]!)))).toEqual(whole.slice(5));
});

test.each([
  { index: 2, of: 2 },
  { index: 0, of: 7 },
])("part %j of a batch of 6 is refused", (part) => {
  expect(() => create({ part })).toThrow("expected a part from 0 of at most 6, the batch size");
});

test("a substitute whose caption is longer than its batch is wide is cut where no other can be had", async () => {
  const records = source.records.slice(0, 2).map((record, index): PairRecord => ({
    ...record,
    captions: [index === 0 ? "a" : "one two three four five six seven eight nine ten"],
    loadImage: () => (index === 0 ? Promise.reject(new Error("broken")) : record.loadImage()),
  }));
  const options = { source: pairSource("two", records), batchSize: 1, shuffle: false, bucketMultiple: 4 };
  const [cut, own] = await take(create(options), 2);
  expect(cut).toMatchObject({ keys: own!.keys, tokens: 4 });
  expect(cut!.inputIds.at(-1)).toBe(own!.inputIds.findLast((id) => id !== tokenizer.padId));
});
