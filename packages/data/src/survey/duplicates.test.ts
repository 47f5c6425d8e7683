import fc from "fast-check";
import { expect, test } from "vitest";
import { createHashes, findEqual } from "./duplicates.ts";
import { findNear, nearBits } from "./near-duplicates.ts";

const hashes = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 40 }).chain((values) =>
  fc
    .array(fc.record({ at: fc.nat(), flips: fc.array(fc.nat(63), { maxLength: 5 }), isNone: fc.boolean() }), {
      maxLength: 80,
    })
    .map((picks) => {
      const near = picks.map(({ at, flips, isNone }) => {
        if (isNone && at % 7 === 0) return 0n;
        const value = values[at % Math.max(1, values.length)] ?? 1n;
        return flips.reduce((found, bit) => found ^ (1n << BigInt(bit)), value);
      });
      return BigUint64Array.from([...values, ...near]);
    }),
);

test("equal hashes are found as a Map finds them", () => {
  fc.assert(
    fc.property(hashes, (values) => {
      const before = values.slice();
      const firsts = new Map<bigint, number>();
      const expected = Array.from(values, (value, at) => {
        const first = value === 0n ? 0 : (firsts.get(value) ?? 0);
        if (first === 0) firsts.set(value, at + 1);
        return first;
      });
      expect([...findEqual(values)]).toEqual(expected);
      expect(values).toEqual(before);
    }),
  );
});

function bitsBetween(one: bigint, other: bigint): number {
  let [left, bits] = [one ^ other, 0];
  for (; left > 0n; left >>= 1n) bits += Number(left & 1n);
  return bits;
}

/** The first of each thing's group, groups growing as long as one is near another. */
function nearByHand(values: BigUint64Array): number[] {
  const group = Array.from(values, (_, at) => at);
  for (let changed = true; changed;) {
    changed = false;
    for (let one = 0; one < values.length; one++) {
      for (let other = 0; other < values.length; other++) {
        if (values[one] === 0n || values[other] === 0n || bitsBetween(values[one]!, values[other]!) > nearBits)
          continue;
        if (group[one]! >= group[other]!) continue;
        group[other] = group[one]!;
        changed = true;
      }
    }
  }
  return group.map((first, at) => (first === at ? 0 : first + 1));
}

test("near hashes are found as by comparing all with all", () => {
  fc.assert(
    fc.property(hashes, (values) => {
      expect([...findNear(values)]).toEqual(nearByHand(values));
    }),
  );
});

test("nothing has no duplicates; too much is refused", () => {
  expect([findEqual(createHashes(0)).length, findNear(createHashes(0)).length]).toEqual([0, 0]);
  expect(() => createHashes(2 ** 33)).toThrow(/more than can be compared/);
});
