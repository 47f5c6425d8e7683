import { expect, test } from "vitest";
import { minimizeByNewton, type ConvexFunction } from "./newton.ts";

/** Σ scale · cosh(x - floor), whose curvature is known; `bend` spoils it, `round` the estimates. */
function bowl(
  scales: readonly number[],
  bend: (value: number) => number = (value) => value,
  round: (value: number) => number = Math.fround,
) {
  const asked = { estimates: 0, values: 0, products: 0 };
  let curvatures = new Float64Array();
  const convex: ConvexFunction = {
    async estimate(point) {
      asked.estimates++;
      const { value, gradient } = await convex.evaluate(point);
      asked.values--;
      return { value: round(value), gradient: gradient.map(round) };
    },
    async evaluate(point) {
      asked.values++;
      curvatures = Float64Array.from(point, (x, k) => scales[k]! * Math.cosh(x - k));
      return {
        value: curvatures.reduce((sum, value) => sum + value, 0),
        gradient: Float64Array.from(point, (x, k) => scales[k]! * Math.sinh(x - k)),
      };
    },
    withCurvature: async (use) =>
      use({
        times: async (vector) => {
          asked.products++;
          return vector.map((value, k) => bend(value * curvatures[k]!));
        },
        precondition: (vector) => vector.map((value, k) => value / scales[k]! / 3),
      }),
  };
  return { convex, asked };
}

test("a badly scaled bowl is descended to its floor in few steps", async () => {
  const { convex, asked } = bowl([1, 1e-3, 1e-6]);
  const found = await minimizeByNewton(convex, new Float64Array(3));
  expect(found.converged).toBe(true);
  expect(found.value / 1.001001).toBeCloseTo(1, 8);
  expect(asked.estimates + asked.values).toBeLessThan(20);
  expect(asked.values).toBeLessThan(5); // these cost the most
});

test.each([
  ["no numbers", () => Number.NaN],
  ["infinite", () => Number.POSITIVE_INFINITY],
  ["nothing", () => 0],
  ["of the wrong sign", (value: number) => -value],
  ["of one digit", (value: number) => Number(value.toPrecision(1))],
])("estimates that are %s lead to the same floor", async (_words, round) => {
  const { convex } = bowl([1, 1e-3, 1e-6], undefined, round);
  const found = await minimizeByNewton(convex, new Float64Array(3));
  expect(found.converged).toBe(true);
  expect(found.value / 1.001001).toBeCloseTo(1, 8);
});

test("few digits of the curvature are enough", async () => {
  const { convex } = bowl([1, 1e-3, 1e-6], (value) => Math.fround(value * 1.001));
  const found = await minimizeByNewton(convex, new Float64Array(3));
  expect(found).toMatchObject({ converged: true });
  expect(found.value / 1.001001).toBeCloseTo(1, 8);
});

test.each([
  ["of the wrong sign", (value: number) => -value],
  ["of nothing", () => 0],
  ["that is no number", () => Number.NaN],
])("a curvature %s is never said to have led to the minimum", async (_words, bend) => {
  const { convex } = bowl([1, 1], bend);
  const start = (await convex.evaluate(new Float64Array(2))).value;
  const found = await minimizeByNewton(convex, new Float64Array(2), { maxIterations: 5 });
  expect(found.converged).toBe(false);
  expect(found.value).toBeLessThan(start); // by the preconditioned slope
});

test("the most steps are the most steps", async () => {
  const { convex } = bowl([1, 1, 1, 1, 1]);
  const found = await minimizeByNewton(convex, new Float64Array(5), { maxIterations: 1 });
  expect(found).toMatchObject({ iterations: 1, converged: false });
});

test("a start that is the minimum already is where the search ends", async () => {
  const { convex } = bowl([3]);
  const found = await minimizeByNewton(convex, Float64Array.of(0));
  expect(found).toMatchObject({ value: 3, iterations: 0, converged: true });
});
