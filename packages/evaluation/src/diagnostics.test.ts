import fc from "fast-check";
import { expect, test } from "vitest";
import { alignment, diagnose, effectiveRank, modalityGap, uniformity } from "./diagnostics.ts";
import type { FeatureRows } from "@clip-ts/core";

const rows = (...list: readonly (readonly number[])[]): FeatureRows => ({
  values: Float32Array.from(list.flat()),
  rows: list.length,
  dim: list[0]!.length,
});

test("the numbers of a case worked out by hand", () => {
  const images = rows([1, 0], [0, 1]);
  const texts = rows([0, 1], [0, 1]);
  const scores = diagnose(images, texts);
  expect(scores.alignment).toBeCloseTo(1, 12); // squared distances 2 and 0
  expect(scores.imageUniformity).toBeCloseTo(-4, 12); // one pair at squared distance 2
  expect(scores.textUniformity).toBeCloseTo(0, 12);
  expect(scores.modalityGap).toBeCloseTo(Math.SQRT1_2, 6); // (½, ½) to (0, 1)
  expect(scores.imageRank).toBeCloseTo(2, 9);
  expect(scores.textRank).toBeCloseTo(1, 9);
});

test("rank is between one and the number of dimensions, and a turn of the space changes nothing", () => {
  const value = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value, value), { minLength: 4, maxLength: 9 }), (list) => {
      fc.pre(list.flat().some((entry) => Math.abs(entry) > 1e-3));
      const rank = effectiveRank(rows(...list));
      expect(rank).toBeGreaterThan(1 - 1e-6);
      expect(rank).toBeLessThan(3 + 1e-6);
      const rotated = list.map(([a, b, c]) => [0.6 * a - 0.8 * b, 0.8 * a + 0.6 * b, c]);
      expect(effectiveRank(rows(...rotated))).toBeCloseTo(rank, 2);
    }),
  );
});

test("thousands of rows are thinned out evenly", () => {
  const list = Array.from({ length: 4001 }, (_, row) => [
    Math.cos((2 * Math.PI * row) / 4001),
    Math.sin((2 * Math.PI * row) / 4001),
  ]);
  const few = uniformity(rows(...list.filter((_, row) => row % 40 === 0)));
  expect(uniformity(rows(...list))).toBeCloseTo(few, 1);
});

test("sides that are the same are aligned without a gap", () => {
  const side = rows([0.6, 0.8], [1, 0], [0, -1]);
  expect(alignment(side, side)).toBe(0);
  expect(modalityGap(side, side)).toBe(0);
});

test("sides that do not match are refused", () => {
  expect(() => diagnose(rows([1, 0], [0, 1]), rows([1, 0]))).toThrow(
    "Diagnostics need two or more matching rows; got images [2, 2] and texts [1, 2].",
  );
});
