import { expect, test } from "vitest";
import { choleskyFactor, choleskySolve } from "./probe-preconditioner.ts";

test.each([1, 4, 6])("%i rows are solved for", (rows) => {
  const size = 3;
  // numpy 2: L = [[2,0,0],[1,3,0],[-1,2,1]], A = L·Lᵀ
  const matrix = Float64Array.of(4, 2, -2, 2, 10, 5, -2, 5, 6);
  const factor = choleskyFactor(matrix, size);
  expect(Array.from(factor)).toEqual([2, 0, 0, 1, 3, 0, -1, 2, 1]);
  const solutions = Array.from({ length: rows * size }, (_, place) => ((place * 5) % 7) - 3);
  const values = Float64Array.from(solutions, (_, place) => {
    const [row, k] = [Math.floor(place / size), place % size];
    return [0, 1, 2].reduce((sum, j) => sum + matrix[k * size + j]! * solutions[row * size + j]!, 0);
  });
  choleskySolve(factor, size, values);
  values.forEach((value, place) => expect(value).toBeCloseTo(solutions[place]!, 10));
});

test("a matrix of no full rank still has a factor of finite numbers", () => {
  const factor = choleskyFactor(Float64Array.of(1, 1, 1, 1), 2);
  expect(factor.every(Number.isFinite)).toBe(true);
  expect(factor[3]).toBeGreaterThan(0);
});
