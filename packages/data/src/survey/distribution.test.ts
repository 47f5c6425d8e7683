import fc from "fast-check";
import { expect, test } from "vitest";
import { createDistribution } from "./distribution.ts";

const numbers = fc.array(fc.oneof(fc.nat(300), fc.nat(5_000_000)), { minLength: 1, maxLength: 400 });

test("summaries are those of the sorted numbers, percentiles to 1 %", () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const found = createDistribution();
      for (const value of values) found.add(value);
      const sorted = values.toSorted((one, other) => one - other);
      const { count, min, max, mean, percentiles } = found.summary()!;
      expect([count, min, max]).toEqual([sorted.length, sorted[0], sorted.at(-1)]);
      expect(mean).toBeCloseTo(sorted.reduce((sum, value) => sum + value, 0) / sorted.length, 6);
      for (const percent of [5, 25, 50, 75, 95] as const) {
        const exact = sorted[Math.ceil((percent / 100) * sorted.length) - 1]!;
        expect(Math.abs(percentiles[percent] - exact)).toBeLessThanOrEqual(exact < 128 ? 0 : exact * 0.01);
      }
    }),
  );
});

test("bars hold every number once, in order and without gaps", () => {
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 50 }), (values, most) => {
      const found = createDistribution();
      for (const value of values) found.add(value);
      const bars = found.bars(most);
      expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
      expect(bars.length).toBeLessThanOrEqual(most + 1);
      for (const [at, { from, to }] of bars.entries()) {
        expect(from).toBeLessThan(to);
        if (at > 0) expect(from).toBe(bars[at - 1]!.to);
      }
      expect(bars[0]!.from).toBeLessThanOrEqual(Math.min(...values));
    }),
  );
});

test("small whole numbers above a limit are counted exactly", () => {
  const tokens = createDistribution();
  for (const value of [3, 76, 77, 78, 127, 4000]) tokens.add(value);
  expect([tokens.countAbove(77), tokens.countAbove(76), tokens.countAbove(5000)]).toEqual([3, 4, 0]);
});

test("nothing has no summary and no bars", () => {
  expect(createDistribution().summary()).toBeUndefined();
  expect(createDistribution().bars(10)).toEqual([]);
});
