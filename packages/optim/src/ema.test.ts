import { memory, scalar, tensor1d, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { emaDecay, emaInit, emaUpdate } from "./index.ts";

const dispose = (tree: Record<string, Tensor>): void => {
  for (const leaf of Object.values(tree)) leaf.dispose();
};

test("the average follows its formula in float64, warm-up included, and leaks nothing", () => {
  const before = memory().numTensors;
  let expected = [1, -2, 3];
  const start = { a: tensor1d(expected), b: scalar(5) };
  let ema = emaInit(start);
  dispose(start);
  expect(memory().numTensors).toBe(before + 2);
  for (let step = 0; step < 20; step++) {
    const values = expected.map((_, index) => Math.sin(step * 3 + index));
    const params = { a: tensor1d(values), b: scalar(step) };
    const decay = emaDecay(0.7, step);
    const traced = scalar(decay);
    const old = ema;
    ema = emaUpdate(old, params, step % 2 === 0 ? decay : traced);
    expect(Object.values(old).every((leaf) => leaf.isDisposed)).toBe(true);
    expect(Object.values(params).some((leaf) => leaf.isDisposed)).toBe(false);
    expected = expected.map((value, index) => decay * value + (1 - decay) * (values[index] ?? 0));
    dispose({ ...params, traced });
    expect(memory().numTensors).toBe(before + 2);
  }
  [...(ema["a"]?.dataSync() ?? [])].forEach((value, index) => {
    expect(value).toBeCloseTo(expected[index] ?? 0, 5);
  });
  dispose(ema);
});

test("a young average forgets faster, an old one by its decay", () => {
  expect(emaDecay(0.999, 0)).toBe(0.1);
  expect(emaDecay(0.999, 90)).toBe(0.91);
  expect(emaDecay(0.999, 1_000_000)).toBe(0.999);
});

test("a parameter that is missing is named before anything is consumed", () => {
  const ema = { a: scalar(1), b: scalar(2) };
  const params = { a: scalar(3) };
  expect(() => emaUpdate(ema, params, 0.9)).toThrow('The params have no leaf "b"');
  expect(ema.a.isDisposed).toBe(false);
  dispose({ ...ema, c: params.a });
});
