import { isClipError } from "@clip-ts/base";
import { zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { assertShape, axisLength, dtypeOf, toTensor } from "./shape.ts";

test("named axes may have any length, numbers must match", () => {
  const pixels = zeros([2, 3, 8, 8]);
  expect(() => assertShape(pixels, ["batch", 3, 8, 8], "pixel values")).not.toThrow();
  pixels.dispose();
});

test.each([
  { actual: [2, 3, 8, 6], why: "a wrong length" },
  { actual: [3, 8, 8], why: "a missing axis" },
  { actual: [1, 2, 3, 8, 8], why: "an axis too many" },
])("$why is told with what was expected and what came", ({ actual }) => {
  const x = zeros(actual);
  let caught: unknown;
  try {
    assertShape(x, ["batch", 3, 8, 8], "pixel values");
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-shape");
  expect(caught.message).toBe(`pixel values: expected [batch, 3, 8, 8], got [${actual.join(", ")}].`);
  expect(caught.data).toEqual({ label: "pixel values", expected: ["batch", 3, 8, 8], actual });
  x.dispose();
});

test("negative axes count from the end", () => {
  const x = zeros([2, 5, 7]);
  expect([0, 1, -1, -3].map((axis) => axisLength(x, axis))).toEqual([2, 5, 7, 2]);
  x.dispose();
});

test.each([
  { data: Float32Array.of(0.5, -2), dtype: "float32", inTfjs: "float32" },
  { data: Int32Array.of(7, -2), dtype: "int32", inTfjs: "int32" },
  { data: Uint8Array.of(1, 0), dtype: "bool", inTfjs: "bool" },
  { data: Uint8ClampedArray.of(255, 0), dtype: "uint8", inTfjs: "float32" },
])("the class of an array says that it holds $dtype", ({ data, dtype, inTfjs }) => {
  const array = { data, shape: [2] };
  expect(dtypeOf(array)).toBe(dtype);
  const x = toTensor(array);
  expect([x.dtype, Array.from(x.dataSync())]).toEqual([inTfjs, Array.from(data)]);
  x.dispose();
});
