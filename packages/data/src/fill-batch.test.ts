import fc from "fast-check";
import { expect, test } from "vitest";
import { fillBatch, fillRow, type RowFilling } from "./create-batches.ts";
import type { PairRecord, OrderedPair } from "./pair-source.ts";
import { orderEpoch, type EpochOrder } from "./epoch-order.ts";

const batchSize = 8;

/** Records that count how often their captions are looked at. */
function countedRecords(count: number): { records: PairRecord[]; looks: () => number } {
  let looks = 0;
  const records = Array.from({ length: count }, (_, index): PairRecord => ({
    key: `${index}`,
    get captions() {
      looks++;
      return [`caption ${index}`];
    },
    loadImage: () => Promise.reject(new Error("planning decodes nothing")),
  }));
  return { records, looks: () => looks };
}

function orderOf(records: readonly PairRecord[], options = {}): EpochOrder {
  return orderEpoch({
    records,
    batchSize,
    seed: 3,
    epoch: 1,
    shuffle: true,
    captions: "draw",
    dropLast: true,
    distinct: true,
    countTokens: (caption) => caption.length,
    ...options,
  });
}

const readable = (isBad: (key: string) => boolean): RowFilling => ({
  prepare: (pair) => Promise.resolve(isBad(pair.record.key) ? undefined : pair),
});

const keysOf = (pairs: readonly (OrderedPair | undefined)[] = []): (string | undefined)[] =>
  pairs.map((pair) => pair?.record.key);

test("however a batch is split, it has the same rows", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: batchSize, max: 200 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      fc.record({ shuffle: fc.boolean(), dropLast: fc.boolean() }),
      async (count, share, options) => {
        const { records } = countedRecords(count);
        const isBad = (key: string): boolean => (Number(key) * 0.618) % 1 < share;
        const whole = await fillBatch(orderOf(records, options), { index: 0 }, readable(isBad));
        const order = orderOf(records, options);
        const rows = order.batch(0).map((_, row) => ({ batch: 0, row }));
        const alone = await Promise.all(rows.toReversed().map((place) => fillRow(order, place, readable(isBad))));
        if (alone.includes(undefined)) expect(whole).toBeUndefined();
        else expect(keysOf(alone.toReversed())).toEqual(keysOf(whole));
      },
    ),
  );
});

test("a substitute does not depend on which other images of its batch can be read", async () => {
  const order = orderOf(countedRecords(400).records);
  const planned = keysOf([...order.batch(4)]);
  const substituteOf = (bad: readonly (string | undefined)[]): Promise<OrderedPair | undefined> =>
    fillRow(
      order,
      { batch: 4, row: 2 },
      readable((key) => bad.includes(key)),
    );
  const alone = await substituteOf([planned[2]]);
  expect(await substituteOf(planned)).toEqual(alone);
  expect(planned).not.toContain(alone?.record.key);
  // It stands in the same row of the next batch.
  expect(alone).toEqual(order.batch(5)[2]);
});

test("one image fills no two places of a batch, up to many unreadable ones", async () => {
  const { records } = countedRecords(800);
  const order = orderOf(records);
  const isBad = (key: string): boolean => Number(key) % 3 !== 0;
  for (let index = 0; index < 100; index++) {
    const keys = keysOf(await fillBatch(order, { index }, readable(isBad)));
    expect(new Set(keys).size).toBe(batchSize);
    expect(keys.every((key) => key !== undefined && !isBad(key))).toBe(true);
  }
});

test("pairs that fill no whole batch may take a place; the last resort is the batch itself", async () => {
  const { records } = countedRecords(batchSize + 3);
  const order = orderOf(records);
  const planned = keysOf([...order.batch(0)]);
  const rest = records.map(({ key }) => key).filter((key) => !planned.includes(key));
  const filled = keysOf(
    await fillBatch(
      order,
      { index: 0 },
      readable((key) => planned.includes(key)),
    ),
  );
  expect(new Set(filled)).toEqual(new Set(rest));
  const [first] = planned;
  const own = keysOf(
    await fillBatch(
      order,
      { index: 0 },
      readable((key) => key !== first),
    ),
  );
  expect(own).toEqual(Array.from({ length: batchSize }, () => first));
  expect(
    await fillBatch(
      order,
      { index: 0 },
      readable(() => true),
    ),
  ).toBeUndefined();
});

test("filling a batch costs as much in a large set as in a small one", async () => {
  const looksFor = async (count: number): Promise<number> => {
    const { records, looks } = countedRecords(count);
    const isBad = (key: string): boolean => Number(key) % 10 === 0;
    await fillBatch(orderOf(records), { index: 0 }, readable(isBad));
    return looks();
  };
  // A pool of 16 batches is planned, and the pool after it where a substitute lies there.
  const most = 2 * 2 * 16 * batchSize;
  expect(await looksFor(20_000)).toBeLessThanOrEqual(most);
  expect(await looksFor(2000)).toBeLessThanOrEqual(most);
});

test("of 65 that are too long for the batch, 64 are passed over for one that fits", async () => {
  const order = orderOf(countedRecords(400).records);
  const place = { batch: 1, row: 2 };
  const [planned, ...others] = keysOf([order.batch(1)[2]!, ...order.substitutes(place)]);
  const takenWith = async (fits: (key: string) => boolean): Promise<string | undefined> => {
    const { prepare } = readable((key) => key === planned);
    return (await fillRow(order, place, { prepare, fits: ({ record }) => fits(record.key) }))?.record.key;
  };
  expect(await takenWith(() => true)).toBe(others[0]);
  expect(await takenWith((key) => others.indexOf(key) === 40)).toBe(others[40]);
  expect(await takenWith((key) => others.indexOf(key) === 64)).toBe(others[0]);
});
