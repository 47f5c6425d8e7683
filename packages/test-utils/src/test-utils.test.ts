// A check that cannot fail proves nothing: here each of them is made to.
import { withGradient } from "@clip-ts/core";
import { getBackend, mul, scalar, square, sum, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { gradientFaults, largestDifference, randomTensor, relativeError, tensorsLeftBy, useEngine } from "./checks.ts";
import { goldenArrays, goldenTensors } from "./golden.ts";
import * as reference from "./reference.ts";

test("differences see NaN, infinities and missing values", () => {
  expect(largestDifference([1, 2], [1, 2.5])).toBe(0.5);
  expect(largestDifference([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  expect(largestDifference([1, Number.NaN], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  expect(largestDifference([Infinity], [2])).toBe(Number.POSITIVE_INFINITY);
  expect(largestDifference([], [])).toBe(0);
  expect(relativeError([3, 4], [3, 4])).toBe(0);
  expect(relativeError([0, 0], [3, 4])).toBe(1);
  expect(relativeError([Number.NaN], [3])).toBe(Number.POSITIVE_INFINITY);
  expect(relativeError([1e-9], [0], 1e-3)).toBeCloseTo(1e-6, 12);
});

test("a wrong derivative is found, a right one is not blamed", async () => {
  const squareWith =
    (factor: number) =>
    (tree: { x: Tensor }): Tensor =>
      sum(
        withGradient({
          inputs: [tree.x],
          forward: () => square(tree.x),
          backward: (dy) => [mul(mul(tree.x, factor), dy)],
        }),
      );
  const x = tensor([1, 2, 3]);
  expect(await gradientFaults(squareWith(2), { x })).toEqual([]);
  const faults = await gradientFaults(squareWith(2.1), { x }, { entries: 3 });
  expect(faults.length).toBeGreaterThan(0);
  expect(faults[0]!.path).toMatch(/^x\[\d\]$/u);
});

test("the gradient check and the leak check leave nothing behind and count what is left", async () => {
  const params = { x: tensor([1, 2, 3]) };
  const check = (): unknown => gradientFaults((tree: typeof params) => sum(square(tree.x)), params);
  expect(await tensorsLeftBy(check)).toBe(0);
  expect(await tensorsLeftBy(() => void scalar(1))).toBe(1);
  expect(await tensorsLeftBy(() => tidy(() => square(scalar(1)).dispose()))).toBe(0);
});

test("random tensors depend on label and shape only", async () => {
  const values = async (x: Tensor): Promise<ArrayLike<number>> => x.data();
  expect(await values(randomTensor([3], "a"))).toEqual(await values(randomTensor([3], "a")));
  expect(await values(randomTensor([3], "a"))).not.toEqual(await values(randomTensor([3], "b")));
});

test("golden arrays and tensors are the same values", async () => {
  const arrays = goldenArrays("loss/cases.safetensors");
  const tensors = goldenTensors("loss/cases.safetensors");
  expect(Object.keys(tensors)).toEqual(Object.keys(arrays));
  expect(await tensors["image"]!.data()).toEqual(arrays["image"]!.values);
  expect(tensors["image"]!.shape).toEqual([9, 12]);
});

test("engines are switched and back", async () => {
  await useEngine("wasm");
  expect(getBackend()).toBe("wasm");
  await useEngine("cpu");
  expect(getBackend()).toBe("cpu");
});

test("the references agree with values from tables and by hand", () => {
  expect(reference.erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
  expect(reference.erf(-2)).toBeCloseTo(-0.9953222650189527, 14);
  expect(reference.erf(7)).toBe(1);
  const y = reference.matMul([1, 2, 3, 4], [5, 6, 7, 8], { rows: 2, inner: 2, columns: 2 });
  expect(Array.from(y)).toEqual([19, 22, 43, 50]);
  expect(Array.from(reference.transpose([1, 2, 3, 4, 5, 6], 2, 3))).toEqual([1, 4, 2, 5, 3, 6]);
  expect(largestDifference(reference.softmax([0, Math.log(3)], 2), [0.25, 0.75])).toBeLessThan(1e-15);
  const sizes = { batch: 1, side: 3, inputs: 1, outputs: 1, kernel: 2, stride: 1, padding: 0 };
  const summed = reference.conv2d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 1, 1], sizes);
  expect(Array.from(summed)).toEqual([12, 16, 24, 28]);
});
