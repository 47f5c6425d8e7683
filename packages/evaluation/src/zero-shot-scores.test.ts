import type { FeatureRows } from "@clip-ts/core";
import { expect, test } from "vitest";
import { evaluateZeroShot } from "./zero-shot-scores.ts";

function rowsOf(rows: readonly (readonly number[])[]): FeatureRows {
  return { values: Float32Array.from(rows.flat()), rows: rows.length, dim: rows[0]!.length };
}

/** Seven classes along the axes, so that an image's features are its scores. */
const classes = rowsOf(Array.from({ length: 7 }, (_, row) => Array.from({ length: 7 }, (_, at) => Number(at === row))));

test("top-1, top-5 and the mean over classes, counted by hand", () => {
  const images = rowsOf([
    [9, 1, 2, 3, 4, 5, 6], // class 0: first
    [6, 1, 2, 3, 4, 5, 9], // class 0: second
    [1, 9, 2, 3, 4, 5, 6], // class 0: seventh
    [1, 9, 2, 3, 4, 5, 6], // class 1: first
  ]);
  const scores = evaluateZeroShot(images, classes, [0, 0, 0, 1]);
  expect(scores.top1).toBeCloseTo(2 / 4);
  expect(scores.top5).toBeCloseTo(3 / 4);
  expect(scores.meanPerClass).toBeCloseTo((1 / 3 + 1) / 2); // classes without images do not count
  expect(scores.perClass.slice(0, 3)).toEqual([
    { images: 3, top1: 1 / 3 },
    { images: 1, top1: 1 },
    { images: 0, top1: 0 },
  ]);
  expect(scores.chance).toEqual({ top1: 1 / 7, top5: 5 / 7, meanPerClass: 1 / 7 });
});

test("a model that gives every class one score, or no number, recognises nothing", () => {
  for (const value of [0, Number.NaN]) {
    const images = rowsOf([Array.from({ length: 7 }, () => value)]);
    expect(evaluateZeroShot(images, classes, [0])).toMatchObject({ top1: 0, top5: 0 });
  }
});

test("links that name no class, or are too few, are refused", () => {
  const images = rowsOf([[1, 0, 0, 0, 0, 0, 0]]);
  expect(() => evaluateZeroShot(images, classes, [7])).toThrow("Zero-shot scores need the class");
  expect(() => evaluateZeroShot(images, classes, [])).toThrow("Zero-shot scores need the class");
  expect(() => evaluateZeroShot(rowsOf([[1, 0]]), classes, [0])).toThrow("features of one length");
});
