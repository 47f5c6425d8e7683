import fc from "fast-check";
import { expect, test } from "vitest";
import type { PairRecord, OrderedPair } from "./pair-source.ts";
import { countBatches } from "./arrange-pool.ts";
import { orderEpoch, type EpochSettings } from "./epoch-order.ts";

function recordsOf(captions: readonly (readonly string[])[], conceptOf?: (index: number) => string): PairRecord[] {
  return captions.map((texts, index) => ({
    key: `${index}`,
    captions: texts,
    ...(conceptOf === undefined ? {} : { concept: conceptOf(index) }),
    loadImage: () => Promise.reject(new Error("planning decodes nothing")),
  }));
}

const unique = (count: number): PairRecord[] =>
  recordsOf(Array.from({ length: count }, (_, index) => [`${index} ${"x".repeat(index % 40)}`]));

function batchesOf(records: readonly PairRecord[], options: Partial<EpochSettings> = {}): (readonly OrderedPair[])[] {
  const settings: EpochSettings = {
    records,
    batchSize: 4,
    seed: 1,
    epoch: 0,
    shuffle: true,
    captions: "draw",
    dropLast: true,
    distinct: true,
    countTokens: (caption) => caption.length,
    ...options,
  };
  const order = orderEpoch(settings);
  const count = countBatches(records.length, settings);
  return Array.from({ length: count }, (_, index) => order.batch(index));
}

const keysOf = (batches: readonly (readonly OrderedPair[])[]): string[][] =>
  batches.map((batch) => batch.map(({ record }) => record.key));

test("an epoch holds every record once, in batches of one size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 9 }),
      fc.record({
        seed: fc.integer(),
        epoch: fc.nat(),
        shuffle: fc.boolean(),
        dropLast: fc.boolean(),
      }),
      (count, batchSize, options) => {
        const batches = keysOf(batchesOf(unique(count), { batchSize, ...options }));
        const rest = count % batchSize;
        const used = options.dropLast ? count - rest : count;
        const partial = batches.filter((batch) => batch.length !== batchSize);
        expect(partial.map((batch) => batch.length)).toEqual(options.dropLast || rest === 0 ? [] : [rest]);
        expect(batches.flat()).toHaveLength(used);
        expect(new Set(batches.flat()).size).toBe(used);
      },
    ),
  );
});

test("the order is a function of seed and epoch", () => {
  const records = unique(200);
  const keys = (seed: number, epoch: number): string[][] => keysOf(batchesOf(records, { seed, epoch }));
  expect(keys(1, 0)).toEqual(keys(1, 0));
  expect(keys(1, 0)).not.toEqual(keys(1, 1));
  expect(keys(1, 0)).not.toEqual(keys(2, 0));
  const far = orderEpoch({
    records,
    batchSize: 4,
    seed: 1,
    epoch: 0,
    shuffle: true,
    captions: "draw",
    dropLast: true,
    distinct: true,
    countTokens: (caption) => caption.length,
  }).batch(37);
  expect(keysOf([far])[0]).toEqual(keys(1, 0)[37]);
});

test("without shuffling the source's order is kept", () => {
  const batches = keysOf(batchesOf(unique(10), { shuffle: false, dropLast: false }));
  expect(batches).toEqual([
    ["0", "1", "2", "3"],
    ["4", "5", "6", "7"],
    ["8", "9"],
  ]);
});

test("which records an epoch drops does not depend on their length", () => {
  const records = unique(7);
  const dropped = new Set<string>();
  for (let epoch = 0; epoch < 60; epoch++) {
    const used = new Set(keysOf(batchesOf(records, { epoch })).flat());
    for (const { key } of records) if (!used.has(key)) dropped.add(key);
  }
  expect(dropped.size).toBe(records.length);
});

test("captions of one batch have similar lengths, and batches come in random order", () => {
  const batches = batchesOf(unique(64 * 16), { batchSize: 16 });
  const longest = batches.map((batch) => Math.max(...batch.map(({ caption }) => caption.length)));
  const spread = batches.map(
    (batch, index) => longest.at(index)! - Math.min(...batch.map(({ caption }) => caption.length)),
  );
  const mean = spread.reduce((sum, value) => sum + value, 0) / spread.length;
  expect(mean).toBeLessThan(8);
  expect(longest).not.toEqual(longest.toSorted((one, other) => one - other));
});

test("each epoch draws one of a record's captions, all equally often", () => {
  const records = recordsOf([["one", "two"], ["three"], ["four", "five", "six", "seven"]]);
  const drawn = new Map<string, number>();
  for (let epoch = 0; epoch < 400; epoch++) {
    for (const { caption } of batchesOf(records, { epoch, batchSize: 1 }).flat()) {
      drawn.set(caption, (drawn.get(caption) ?? 0) + 1);
    }
  }
  expect(drawn.get("three")).toBe(400);
  for (const caption of ["one", "two"]) expect(Math.abs(drawn.get(caption)! - 200)).toBeLessThan(50);
  for (const caption of ["four", "five", "six", "seven"]) {
    expect(Math.abs(drawn.get(caption)! - 100)).toBeLessThan(40);
  }
  const first = batchesOf(records, { captions: "first", batchSize: 3 }).flat();
  expect(new Set(first.map(({ caption }) => caption))).toEqual(new Set(["one", "three", "four"]));
});

test("a record's caption does not depend on the other records", () => {
  const pairs = Array.from({ length: 40 }, (_, index) => [`a${index}`, `b${index}`]);
  const captionsOf = (records: readonly PairRecord[]): Record<string, string> =>
    Object.fromEntries(
      batchesOf(records, { batchSize: 1 })
        .flat()
        .map(({ record, caption }) => [record.key, caption]),
    );
  const all = captionsOf(recordsOf(pairs));
  const some = captionsOf(recordsOf(pairs.slice(0, 20)));
  expect(all).toMatchObject(some);
});

test("one concept or caption comes once in a batch where that can be had", () => {
  const repeats = (batches: readonly (readonly OrderedPair[])[]): number =>
    batches.reduce((sum, batch) => {
      const concepts = new Set(batch.map(({ record }) => record.concept));
      const captions = new Set(batch.map(({ caption }) => caption));
      return sum + 2 * batch.length - concepts.size - captions.size;
    }, 0);
  // Two drawings of each of 100 things, a shared tag for some.
  const captions = Array.from({ length: 200 }, (_, index) => (index % 40 === 0 ? ["tag"] : [`thing ${index % 100}`]));
  const records = recordsOf(captions, (index) => `${index % 100}`);
  for (let epoch = 0; epoch < 20; epoch++) {
    const options = { epoch, batchSize: 8, dropLast: false };
    expect(repeats(batchesOf(records, { ...options, distinct: false }))).toBeGreaterThan(0);
    expect(repeats(batchesOf(records, options))).toBe(0);
  }
});

test("a batch of one class is still a batch when no other can be had", () => {
  const records = recordsOf(Array.from({ length: 40 }, (_, index) => [`class ${index % 2}`]));
  const batches = keysOf(batchesOf(records, { batchSize: 10 }));
  expect(new Set(batches.flat()).size).toBe(40);
});
