import fc from "fast-check";
import { expect, test } from "vitest";
import type { BatchStream, Cursor } from "../batch.ts";
import { faulty, keysOf, type MemoryGroup } from "../fixtures/memory-shards.ts";
import { create, join, take, type KeptBatch, type StreamOptions } from "../fixtures/shard-stream.ts";

test("each sample once an epoch, in any shards, windows, batches, parts and slots", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 }),
      fc.record({
        seed: fc.integer(),
        batchSize: fc.integer({ min: 1, max: 9 }),
        shuffle: fc.boolean(),
        dropLast: fc.boolean(),
        prefetch: fc.integer({ min: 0, max: 4 }),
        windowShards: fc.integer({ min: 1, max: 4 }),
        distinct: fc.boolean(),
      }),
      fc.integer({ min: 1, max: 5 }),
      async (counts, options, slots) => {
        const samples = counts.reduce((sum, count) => sum + count, 0);
        fc.pre(samples >= options.batchSize);
        const stream = create({ groups: [{ counts }], ...options, making: { slots } });
        const steps = stream.stepsPerEpoch;
        const { batchSize, dropLast } = options;
        expect(steps).toBe(dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize));
        const batches = await take(stream, 2 * steps);
        for (const epoch of [batches.slice(0, steps), batches.slice(steps)]) {
          const keys = epoch.flatMap((batch) => batch.keys);
          expect(new Set(keys).size).toBe(keys.length);
          expect(keys).toHaveLength(dropLast ? steps * batchSize : samples);
          if (!dropLast) expect(keys.toSorted()).toEqual(keysOf({ counts }).toSorted());
        }
      },
    ),
    { numRuns: 40 },
  );
});

/** Sets with faults, mixed, read in any way. Most samples can be used. */
const anyFaulty = fc
  .record({
    counts: fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 7 }),
    weight: fc.constantFrom(0.5, 1, 1.7, 2),
    batchSize: fc.integer({ min: 1, max: 9 }),
    seed: fc.integer(),
    shuffle: fc.boolean(),
    resampled: fc.boolean(),
    dropLast: fc.boolean(),
    distinct: fc.boolean(),
    bucketMultiple: fc.constantFrom(1, 4, 16),
    windowShards: fc.integer({ min: 1, max: 4 }),
    everyBroken: fc.integer({ min: 2, max: 9 }),
    everyMute: fc.integer({ min: 2, max: 9 }),
    gone: fc.option(fc.nat(6), { nil: undefined }),
  })
  .map(({ counts, weight, everyBroken, everyMute, gone, ...rest }): StreamOptions => {
    const group: MemoryGroup = {
      counts,
      weight,
      closed: gone === undefined ? [] : [gone],
      isBroken: (number) => number % everyBroken === 1,
      isMute: (number) => number % everyMute === 1,
    };
    return {
      ...rest,
      groups: [group, { counts: [11, 3] }],
      maxSkipped: "100%",
      making: { captions: { txt: 1, alt: 1 } },
    };
  });

/** Streams of 14 pairs or more an epoch always make batches of at most nine. */
const steps = 20;

test("parts side by side are the whole batch, substitutes and widths included, whatever is made ahead", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyFaulty,
      fc.integer({ min: 1, max: 8 }),
      fc.nat(4),
      fc.nat(4),
      async (options, parts, ...ahead) => {
        const of = Math.min(parts, options.batchSize!);
        const whole = await take(create({ ...options, prefetch: ahead[0] }), steps);
        const each: KeptBatch[][] = [];
        for (let index = 0; index < of; index++) {
          const stream = create({ ...options, part: { index, of }, prefetch: (ahead[1] + index) % 5 });
          each.push(await take(stream, steps));
        }
        expect(whole.map((_, step) => join(each.map((batches) => batches[step]!)))).toEqual(whole);
      },
    ),
    { numRuns: 15 },
  );
});

test("a cursor continues a run exactly, from anywhere, in any number of parts", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyFaulty,
      fc.array(fc.nat(steps), { minLength: 1, maxLength: 3 }),
      fc.nat(4),
      async (options, stops, prefetch) => {
        const whole = await take(create({ ...options, prefetch: 3 }), steps);
        for (const stop of stops) {
          const of = Math.min(options.batchSize!, 1 + (stop % 3));
          const killed = create({ ...options, prefetch, part: { index: of - 1, of } });
          await take(killed, stop);
          const restore = JSON.parse(JSON.stringify(killed.cursor())) as Cursor;
          expect(restore).toMatchObject({ globalBatch: options.batchSize });
          expect(await take(create({ ...options, restore }), steps - stop)).toEqual(whole.slice(stop));
        }
      },
    ),
    { numRuns: 15 },
  );
});

test("crops and captions go on as they were, in a later epoch too", async () => {
  const making = { augment: { scale: [0.4, 1], flipProbability: 0.5 }, captions: { txt: 1, alt: 1 } } as const;
  const options: StreamOptions = { groups: [faulty], maxSkipped: "60%", batchSize: 8, making };
  const whole = await take(create(options), 34);
  const stream = (restore: Cursor): BatchStream => create({ ...options, restore });
  expect(await take(stream({ epoch: 1, batch: 12 }), 9)).toEqual(whole.slice(25));
  const [first, second] = [whole.slice(0, 13), whole.slice(13, 26)];
  const imageOf = (batches: readonly KeptBatch[], key: string): string =>
    batches
      .flatMap(({ keys, bytes }) => (keys.includes(key) ? [bytes.slice(48 * keys.indexOf(key)).slice(0, 48)] : []))
      .join();
  const both = first.flatMap(({ keys }) => keys).filter((key) => second.some(({ keys }) => keys.includes(key)));
  const changed = both.filter((key) => imageOf(first, key) !== imageOf(second, key));
  expect(changed.length).toBeGreaterThan(both.length / 2);
});
