import { toHost, toTensor, type HostArray } from "@clip-ts/core";
import { useEngine } from "@clip-ts/test-utils";
import { add, memory, mul, tidy } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { interpolateWeights } from "./ema.ts";

afterAll(() => useEngine("cpu"));

const array = (values: readonly number[], shape: readonly number[] = [values.length]): HostArray => ({
  data: Float32Array.from(values),
  shape,
});

test("equals its formula in float64, and its ends are the models themselves", () => {
  const value = fc.float({ min: -10, max: 10, noNaN: true });
  const pairs = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(pairs, fc.double({ min: 0, max: 1, noNaN: true }), (rows, alpha) => {
      const tree = (side: 0 | 1) => ({ "layer.weight": array(rows.map((row) => row[side])) });
      const between = interpolateWeights(tree(0), tree(1), alpha);
      const values = between["layer.weight"]!.data;
      rows.forEach(([a, b], index) => {
        expect(Math.abs(values[index]! - ((1 - alpha) * a + alpha * b))).toBeLessThan(5e-6);
        if (alpha === 0) expect(values[index]).toBe(a + 0);
        if (alpha === 1) expect(values[index]).toBe(b + 0);
      });
    }),
  );
});

test.each(["cpu", "wasm"] as const)("bit for bit what tensors give on %s", async (name) => {
  await useEngine(name);
  const float = fc.oneof(fc.float(), fc.float({ min: -2, max: 2 }));
  const rows = fc.array(fc.tuple(float, float), { minLength: 1, maxLength: 64 });
  await fc.assert(
    fc.asyncProperty(rows, fc.double({ min: 0, max: 1, noNaN: true }), async (pairs, alpha) => {
      const [a, b] = [array(pairs.map(([one]) => one)), array(pairs.map(([, other]) => other))];
      const mixed = tidy(() => add(mul(toTensor(a), 1 - alpha), mul(toTensor(b), alpha)));
      const expected = await toHost(mixed);
      mixed.dispose();
      expect(interpolateWeights({ a }, { a: b }, alpha)["a"]).toEqual(expected);
    }),
  );
});

test("owns nothing but its result, which is no tensor", () => {
  const [a, b] = [{ x: array([1], []) }, { x: array([2], []) }];
  const before = memory().numTensors;
  const { x } = interpolateWeights(a, b, 0.5);
  expect(memory().numTensors).toBe(before);
  expect(x).toEqual(array([1.5], []));
  expect([a.x.data[0], b.x.data[0]]).toEqual([1, 2]);
});

test("models of other shapes and shares beyond the ends are refused", () => {
  const [one, two] = [{ x: array([1, 2]) }, { x: array([1]) }];
  expect(() => interpolateWeights(one, two, 0.5)).toThrow('at "x" one has [2], the other [1].');
  expect(() => interpolateWeights(one, {}, 0.5)).toThrow("the other nothing");
  expect(() => interpolateWeights(one, one, 1.5)).toThrow("expected a share from 0 to 1, got 1.5");
});
