import { expect, test } from "vitest";
import { minimize } from "./minimize.ts";

test("a badly scaled bowl is descended to its floor in few steps", async () => {
  const scales = [1, 100, 10_000];
  const floor = [3, -2, 0.5];
  let asked = 0;
  const found = await minimize(
    async (point) => {
      asked++;
      const offsets = Array.from(point, (value, index) => value - floor[index]!);
      return {
        value: offsets.reduce((sum, offset, index) => sum + (scales[index]! * offset ** 2) / 2, 0),
        gradient: Float64Array.from(offsets, (offset, index) => scales[index]! * offset),
      };
    },
    new Float64Array(3),
    { tolerance: 1e-9 },
  );
  expect(found.converged).toBe(true);
  floor.forEach((value, index) => expect(found.point[index]).toBeCloseTo(value, 8));
  expect(asked).toBeLessThan(80); // steepest descent takes tens of thousands
});

test("the most steps are the most steps", async () => {
  const bowl = async (point: Float64Array) => ({
    value: Math.cosh(point[0]!),
    gradient: Float64Array.of(Math.sinh(point[0]!)),
  });
  const found = await minimize(bowl, Float64Array.of(5), { maxIterations: 1 });
  expect(found).toMatchObject({ iterations: 1, converged: false });
  expect(found.value).toBeLessThan(Math.cosh(5));
});

test("a function that breaks off ends the search at the last good point", async () => {
  const found = await minimize(
    async (point) => ({
      value: point[0]! < 1 ? Number.NaN : point[0]!,
      gradient: Float64Array.of(1),
    }),
    Float64Array.of(1),
  );
  expect(found).toMatchObject({ value: 1, converged: false });
});
