import { largestDifference, randomTensor, reference, useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { linear, linearSpec } from "./layers.ts";
import { normal, ones, zeros } from "./spec.ts";

afterAll(() => useEngine("cpu"));

test.each(["cpu", "wasm"] as const)("x · weightᵀ + bias on rows of any rank (%s)", async (engine) => {
  await useEngine(engine);
  const [weight, bias] = [randomTensor([4, 5], "weight"), randomTensor([4], "bias")];
  for (const lead of [[], [3], [2, 3], [2, 1, 3]]) {
    const x = randomTensor([...lead, 5]);
    const y = linear({ weight, bias }, x);
    expect(y.shape).toEqual([...lead, 4]);
    const values = { weight: await weight.data(), bias: await bias.data() };
    const sizes = { rows: x.size / 5, inputs: 5, outputs: 4 };
    const expected = reference.linear(await x.data(), values, sizes);
    expect(largestDifference(await y.data(), expected)).toBeLessThan(2e-6);
  }
});

test("the bias starts at zero, as told, or not at all", () => {
  const weight = { shape: [4, 5], init: normal(1), role: "matrix" };
  expect(linearSpec(5, 4, { weight: normal(1) })).toEqual({
    weight,
    bias: { shape: [4], init: zeros, role: "bias" },
  });
  expect(linearSpec(5, 4, { weight: normal(1), bias: ones }).bias?.init).toEqual(ones);
  expect(linearSpec(5, 4, { weight: normal(1), bias: false })).toStrictEqual({ weight });
});
