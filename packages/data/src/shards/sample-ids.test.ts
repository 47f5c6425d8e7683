import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryShards } from "../fixtures/memory-shards.ts";
import { numberSamples, numberSet } from "./sample-ids.ts";

test("samples are numbered group by group and shard by shard", () => {
  const ids = numberSamples(memoryShards([{ counts: [3, 0, 4] }, { counts: [5, 1] }]));
  const places = [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
  ] as const;
  expect(places.map(([group, shard]) => ids.firstOf({ group, shard }))).toEqual([0, 3, 3, 7, 12]);
  expect(ids.total).toBe(13);
});

test("a set of numbers holds what was added", () => {
  const number = fc.oneof(fc.nat(40), fc.integer({ min: 2 ** 15 - 4, max: 2 ** 15 + 4 }), fc.nat(2 ** 31 - 1));
  fc.assert(
    fc.property(fc.array(number), number, (numbers, other) => {
      const [set, expected] = [numberSet(), new Set<number>()];
      for (const one of numbers) {
        expect(set.add(one)).toBe(!expected.has(one));
        expected.add(one);
      }
      for (const one of [...numbers, other]) expect(set.has(one)).toBe(expected.has(one));
    }),
  );
  const far = numberSet();
  far.add(2 ** 45 + 3);
  expect([far.has(2 ** 45 + 3), far.has(2 ** 45 + 2)]).toEqual([true, false]);
});
