import { isClipError } from "@clip-ts/base";
import { largestDifference, randomTensor, useEngine } from "@clip-ts/test-utils";
import {
  conv2d,
  grad,
  matMul,
  maxPool,
  maxPool3d,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  type Tensor5D,
} from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repairWasmBackend } from "./index.ts";

beforeAll(() => useEngine("wasm"));
afterAll(() => useEngine("cpu"));

function refusal(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return isClipError(error) ? `${error.code}: ${error.message}` : undefined;
  }
  return undefined;
}

test("kernels that are silently wrong are refused with what to do", () => {
  const image = randomTensor([1, 4, 4, 1]);
  const pooled = (x: Tensor): Tensor => sum(maxPool(x as Tensor4D, 2, 2, "valid"));
  expect(refusal(() => grad(pooled)(image))).toBe(
    "unsupported: MaxPoolGrad of tfjs-backend-wasm is wrong where a window holds no positive value. " +
      "Use another engine.",
  );
  const volume = randomTensor([1, 4, 4, 4, 1]) as Tensor5D;
  expect(refusal(() => maxPool3d(volume, 2, 2, "valid"))).toMatch(/^unsupported: MaxPool3D of/u);
});

test("a stride wider than the filter is refused with same padding, and right without", async () => {
  const [image, filter] = [randomTensor([1, 8, 8, 2]), randomTensor([2, 2, 2, 3], "filter")];
  const convolve = (stride: number, pad: "same" | "valid"): Tensor =>
    conv2d(image as Tensor4D, filter as Tensor4D, stride, pad);
  expect(refusal(() => convolve(4, "same"))).toMatch(/^unsupported: Conv2D of .*filter of \[2, 2\]/u);
  const byWasm = [await convolve(4, "valid").data(), await convolve(2, "same").data()];
  await useEngine("cpu");
  const byCpu = [await convolve(4, "valid").data(), await convolve(2, "same").data()];
  await useEngine("wasm");
  expect(largestDifference(byWasm[0]!, byCpu[0]!)).toBeLessThan(1e-5);
  expect(largestDifference(byWasm[1]!, byCpu[1]!)).toBeLessThan(1e-5);
});

test("max pooling forward is right and stays", async () => {
  const pooled = await maxPool(randomTensor([1, 2, 2, 1]) as Tensor4D, 2, 2, "valid").data();
  const values = await randomTensor([1, 2, 2, 1]).data();
  expect(pooled[0]).toBe(Math.max(...values));
});

test("repairing twice does no harm", async () => {
  const [a, b] = [randomTensor([3, 4], "a") as Tensor2D, randomTensor([3, 4], "b") as Tensor2D];
  const before = await matMul(a, b, true).data();
  repairWasmBackend();
  repairWasmBackend();
  expect(await matMul(a, b, true).data()).toEqual(before);
});
