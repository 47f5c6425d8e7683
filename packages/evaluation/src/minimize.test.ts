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
    Float64Array.of(3),
  );
  expect(found).toMatchObject({ value: 1, iterations: 2, converged: false });
});

test("a start that is the minimum already is where the search ends", async () => {
  const found = await minimize(
    async (point) => ({ value: point[0]! ** 2, gradient: Float64Array.of(2 * point[0]!) }),
    Float64Array.of(0),
  );
  expect(found).toMatchObject({ value: 0, iterations: 0, converged: true });
});

test("a minimum that rounding hides from the values is found by the slopes", async () => {
  const floor = 1e-8;
  const found = await minimize(
    async (point) => ({
      value: Math.fround(1 + 5e4 * (point[0]! - floor) ** 2), // 5e-12 higher at 0
      gradient: Float64Array.of(1e5 * (point[0]! - floor)),
    }),
    Float64Array.of(0),
  );
  expect(found).toMatchObject({ value: 1, converged: true });
  expect(found.point[0]).toBeCloseTo(floor, 9);
});

test("a floor that rounding hides from both is no error, and not said to be reached", async () => {
  const floor = 1e-12;
  const found = await minimize(
    async (point) => ({
      value: Math.fround(1 + 2e-4 * Math.abs(point[0]! - floor)),
      gradient: Float64Array.of(2e-4 * Math.sign(point[0]! - floor)),
    }),
    Float64Array.of(0),
  );
  expect(found).toMatchObject({ value: 1, iterations: 0, converged: false });
});

test.each([
  { wrong: "a value that never changes", value: () => 0, slope: () => 1 },
  { wrong: "a slope of the wrong sign", value: (x: number) => x, slope: () => -1 },
  {
    wrong: "nothing finite beside the start",
    value: (x: number) => (x === 0 ? 0 : NaN),
    slope: () => 1,
  },
])("$wrong is an error", async ({ value, slope }) => {
  const search = minimize(
    async ([x = 0]) => ({ value: value(x), gradient: Float64Array.of(slope()) }),
    Float64Array.of(0),
  );
  await expect(search).rejects.toMatchObject({
    code: "diverged",
    message: expect.stringMatching(/none does from the start, where the value is 0/u),
  });
});

test.each([
  { value: Number.NaN, slope: 1, named: "its value is NaN" },
  { value: 1, slope: Number.NaN, named: "gradient NaN" },
  { value: Number.POSITIVE_INFINITY, slope: 0, named: "its value is Infinity" },
])("a start that is not finite is an error: $named", async ({ value, slope, named }) => {
  const search = minimize(
    async () => ({ value, gradient: Float64Array.of(slope) }),
    Float64Array.of(0),
  );
  await expect(search).rejects.toMatchObject({
    code: "diverged",
    message: expect.stringContaining(named),
  });
});
