import { tensorsLeftBy } from "@clip-ts/test-utils";
import { scalar, tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { interpolateWeights } from "./interpolate-weights.ts";

test("equals its formula in float64, and its ends are the models themselves", async () => {
  const value = fc.float({ min: -10, max: 10, noNaN: true });
  const pairs = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(pairs, fc.double({ min: 0, max: 1, noNaN: true }), async (rows, alpha) => {
      const tree = (side: 0 | 1) => ({ "layer.weight": tensor(rows.map((row) => row[side])) });
      const between = interpolateWeights(tree(0), tree(1), alpha);
      const values = await between["layer.weight"]!.data();
      rows.forEach(([a, b], index) => {
        expect(Math.abs(values[index]! - ((1 - alpha) * a + alpha * b))).toBeLessThan(5e-6);
        if (alpha === 0) expect(values[index]).toBe(a + 0);
        if (alpha === 1) expect(values[index]).toBe(b + 0);
      });
    }),
  );
});

test("owns nothing but its result", async () => {
  const [a, b] = [{ x: scalar(1) }, { x: scalar(2) }];
  expect(await tensorsLeftBy(() => interpolateWeights(a, b, 0.5))).toBe(1);
});

test("models of other shapes and shares beyond the ends are refused", () => {
  const [one, two] = [{ x: tensor([1, 2]) }, { x: tensor([1]) }];
  expect(() => interpolateWeights(one, two, 0.5)).toThrow('at "x" one has [2], the other [1].');
  expect(() => interpolateWeights(one, {}, 0.5)).toThrow("the other nothing");
  expect(() => interpolateWeights(one, one, 1.5)).toThrow("expected a share from 0 to 1, got 1.5");
});
