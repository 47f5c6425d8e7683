import { expect, test } from "vitest";
import { faulty, keysOf, memoryShards, memoryWorkers, type MemoryGroup } from "../fixtures/memory-shards.ts";
import { sequentialShards, type SequentialBatch, type SequentialShardsOptions } from "./sequential-shards.ts";
import type { Shard } from "./shard-set.ts";

const shardsOf = (groups: readonly MemoryGroup[]) => {
  const { groups: found, opened } = memoryShards(groups);
  return { shards: found.flatMap(({ shards }): readonly Shard[] => shards), opened };
};

/** What came, pixels copied. */
async function readAll(options: Omit<SequentialShardsOptions, "workers">, slots?: number) {
  const workers = memoryWorkers({ slots });
  const batches: (SequentialBatch & { readonly copy: Uint8ClampedArray })[] = [];
  const failed: string[] = [];
  for await (const batch of sequentialShards({ ...options, workers })) {
    if ("reason" in batch) failed.push(`${batch.shard.name}: ${batch.reason}`);
    else batches.push({ ...batch, copy: batch.pixels.slice() });
  }
  await workers.close();
  return { batches, failed };
}

const bytesPerImage = 3 * 4 * 4;

test.each([
  [1, 0, 1],
  [7, 2, 4],
  [7, 2, 1],
  [1000, 1, 3],
])("samples come in order, %d at a time with %d ahead and %d slots", async (batchSize, prefetch, slots) => {
  const { shards, opened } = shardsOf([faulty, { counts: [5, 3], weight: 3 }]);
  const { batches } = await readAll({ shards, batchSize, prefetch, reads: "both" }, slots);
  const isUsable = (number: number): boolean => number % 7 !== 3 && number % 11 !== 5;
  const expected = [...keysOf(faulty).filter((_, number) => isUsable(number)), ...keysOf({ counts: [5, 3] }, 1)];
  expect(batches.flatMap(({ keys }) => keys)).toEqual(expected);
  expect(batches.flatMap(({ captions }) => captions.map((caption) => Number.parseInt(caption)))).toEqual([
    ...keysOf(faulty)
      .map((_, number) => number)
      .filter(isUsable),
    ...Array.from({ length: 8 }, (_, number) => number),
  ]);
  for (const { samples, keys, leftOut, copy, shard } of batches) {
    expect(samples).toBe(keys.length + leftOut.length);
    expect(copy.length).toBe(keys.length * bytesPerImage);
    expect([...keys, ...leftOut.map(({ key }) => key)].every((key) => key.startsWith(shard.name))).toBe(true);
  }
  expect(batches.filter(({ isLast }) => isLast).map(({ shard }) => shard.name)).toEqual(
    shards.filter(({ samples }) => samples > 0).map(({ name }) => name),
  );
  expect([opened.now, opened.times]).toEqual([0, shards.filter(({ samples }) => samples > 0).length]);
});

test("pixels are the same however samples are cut into batches, and the kept rows lie without gaps", async () => {
  const { shards } = shardsOf([faulty]);
  const all = await readAll({ shards, batchSize: 1000 });
  const each = await readAll({ shards, batchSize: 1, prefetch: 5 }, 2);
  const pixels = ({ batches }: typeof all) => Buffer.concat(batches.map(({ copy }) => new Uint8Array(copy.buffer)));
  expect(pixels(each).equals(pixels(all))).toBe(true);
  const faults = all.batches.flatMap(({ leftOut }) => leftOut);
  expect(faults.length).toBeGreaterThan(10);
  expect(faults.every(({ kind, reason }) => kind === "unreadable-image" && /is no image/.test(reason))).toBe(true);
});

test("captions alone need no image", async () => {
  const { shards } = shardsOf([faulty]);
  const { batches } = await readAll({ shards, batchSize: 16, reads: "text" }, 1);
  expect(batches.flatMap(({ keys }) => keys)).toEqual(keysOf(faulty).filter((_, number) => number % 11 !== 5));
  expect(batches.every(({ pixels }) => pixels.length === 0)).toBe(true);
  expect(batches.flatMap(({ leftOut }) => leftOut).every(({ kind }) => kind === "no-caption")).toBe(true);
});

test("a shard that cannot be opened is said once, and the others come", async () => {
  const { shards } = shardsOf([{ counts: [3, 50, 4], closed: [1] }]);
  const { batches, failed } = await readAll({ shards, batchSize: 8, prefetch: 3 });
  expect(failed).toEqual(["0/1: 0/1 is gone"]);
  expect(batches.map(({ shard, keys }) => [shard.name, keys.length])).toEqual([
    ["0/0", 3],
    ["0/2", 4],
  ]);
});

test("whoever stops early leaves no shard open and no memory lent", async () => {
  const { shards, opened } = shardsOf([{ counts: [9, 9, 9, 9] }]);
  const workers = memoryWorkers({ slots: 4 });
  for await (const batch of sequentialShards({ shards, workers, batchSize: 4, prefetch: 3 })) {
    if ("keys" in batch && batch.keys.includes("0/0/4")) break;
  }
  expect(opened.now).toBe(0);
  const slots = await Promise.all([1, 2, 3, 4].map(() => workers.acquire(4))); // all are free again
  for (const slot of slots) workers.release(slot);
  await workers.close();
});

test("workers that are closed end the reading with their error", async () => {
  const { shards, opened } = shardsOf([{ counts: [9, 9] }]);
  const workers = memoryWorkers();
  const reading = sequentialShards({ shards, workers, batchSize: 4 });
  await reading.next();
  await workers.close();
  const rest = async (): Promise<void> => {
    for await (const batch of reading) expect(batch).toBeDefined();
  };
  await expect(rest()).rejects.toThrow(/closed/);
  expect(opened.now).toBe(0);
});

test("numbers out of range are refused", async () => {
  const { shards } = shardsOf([{ counts: [1] }]);
  await expect(readAll({ shards, batchSize: 0 })).rejects.toThrow("batchSize must be a whole number from 1");
  await expect(readAll({ shards, batchSize: 1, prefetch: -1 })).rejects.toThrow("prefetch");
});
