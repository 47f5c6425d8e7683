import { expect, test } from "vitest";
import { hostMatMuls } from "./probe-matmul.ts";

/** Whole numbers from -5 to 5, whose products are exact. */
const wholes = (count: number, step: number): number[] =>
  Array.from({ length: count }, (_, place) => ((place * step + 3) % 11) - 5);

test.each([
  [1, 1, 1],
  [4, 3, 2],
  [7, 5, 3],
  [9, 2, 5],
])("%i rows of %i numbers, %i classes", async (rows, dim, classes) => {
  const width = dim + 1;
  const values = Float32Array.from(wholes(rows * dim, 7));
  const weights = Float64Array.from(wholes(classes * width, 5));
  const residuals = Float64Array.from(wholes(rows * classes, 3));
  const input = (row: number, k: number): number => (k === dim ? 1 : values[row * dim + k]!);
  const { logitsOf, sumsOf } = hostMatMuls({ values, rows, dim });

  const logits = Array.from({ length: rows * classes }, (_, place) => {
    const [row, label] = [Math.floor(place / classes), place % classes];
    return Array.from({ length: width }, (__, k) => input(row, k) * weights[label * width + k]!);
  });
  const sum = (parts: readonly number[]): number => parts.reduce((total, part) => total + part, 0);
  expect(Array.from(await logitsOf(weights, classes))).toEqual(logits.map(sum));

  const sums = Array.from({ length: classes * width }, (_, place) => {
    const [label, k] = [Math.floor(place / width), place % width];
    return Array.from({ length: rows }, (__, row) => input(row, k) * residuals[row * classes + label]!);
  });
  expect(Array.from(await sumsOf(residuals, classes))).toEqual(sums.map(sum));
});

test("the event loop runs while much is multiplied", async () => {
  const [rows, dim, classes] = [2000, 512, 400];
  const { logitsOf } = hostMatMuls({ values: new Float32Array(rows * dim), rows, dim });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await logitsOf(new Float64Array(classes * (dim + 1)), classes);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});
