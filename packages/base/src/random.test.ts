import fc from "fast-check";
import { expect, test } from "vitest";
import { randomStream, shuffled } from "./random.ts";

const take = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("the same seed and path give the same numbers, on every platform", () => {
  expect(take(3, randomStream(7, "a", 1).uniform)).toEqual(take(3, randomStream(7, "a", 1).uniform));
  const words = take(3, randomStream(7, "a").uniform).map((value) => value * 2 ** 32);
  expect(words).toMatchInlineSnapshot(`
    [
      1755689697,
      3744338585,
      960038879,
    ]
  `);
});

test("another seed or another path gives other numbers", () => {
  const streams = [randomStream(7), randomStream(8), randomStream(7, "a"), randomStream(7, "a", 0)];
  expect(new Set(streams.map((stream) => stream.uniform())).size).toBe(streams.length);
});

test("path segments do not run together", () => {
  expect(randomStream(1, "ab", "c").uniform()).not.toBe(randomStream(1, "a", "bc").uniform());
  expect(randomStream(1, 1).uniform()).not.toBe(randomStream(1, "1").uniform());
});

test("uniform numbers fill [0, 1) evenly, also across streams", () => {
  const within = take(20_000, randomStream(1, "u").uniform);
  const across = Array.from({ length: 20_000 }, (_, index) => randomStream(1, index).uniform());
  for (const values of [within, across]) {
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(mean(values)).toBeCloseTo(0.5, 1);
    const bins = Array.from({ length: 10 }, () => 0);
    for (const value of values) bins[Math.floor(value * 10)]! += 1;
    for (const bin of bins) expect(Math.abs(bin - 2000)).toBeLessThan(200);
  }
});

test("normal numbers have mean 0, variance 1 and normal tails", () => {
  const values = take(50_000, randomStream(3, "n").normal);
  expect(Math.abs(mean(values))).toBeLessThan(0.02);
  expect(Math.abs(mean(values.map((value) => value * value)) - 1)).toBeLessThan(0.03);
  const outside = values.filter((value) => Math.abs(value) > 1.96).length / values.length;
  expect(outside).toBeGreaterThan(0.045);
  expect(outside).toBeLessThan(0.055);
});

test("shuffling keeps every item and leaves its input alone", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
      const before = [...items];
      const result = shuffled(items, randomStream(seed));
      expect(items).toEqual(before);
      expect(result.toSorted((a, b) => a - b)).toEqual(before.toSorted((a, b) => a - b));
    }),
  );
  const items = Array.from({ length: 50 }, (_, index) => index);
  expect(shuffled(items, randomStream(1))).not.toEqual(items);
});
