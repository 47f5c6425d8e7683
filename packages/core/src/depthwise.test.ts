import { largestDifference, randomTensor, useEngine } from "@clip-ts/test-utils";
import {
  depthwiseConv2d as tfDepthwiseConv2d,
  grads,
  pad,
  square,
  sum,
  transpose,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { depthwiseConv2d } from "./depthwise.ts";
import "./gradients/index.ts";

afterAll(() => useEngine("cpu"));

interface Setting {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: readonly [number, number];
}

const settings: readonly Setting[] = [
  { size: 6, kernel: 3, stride: 1, padding: [1, 1] },
  { size: 7, kernel: 3, stride: 2, padding: [0, 1] },
  { size: 8, kernel: 5, stride: 2, padding: [1, 2] },
  { size: 9, kernel: 5, stride: 2, padding: [2, 2] },
  { size: 8, kernel: 3, stride: 3, padding: [0, 0] },
  { size: 6, kernel: 1, stride: 1, padding: [0, 0] },
];
const channels = 3;

const inputsOf = ({ size, kernel }: Setting): [Tensor, Tensor] => [
  randomTensor([2, size, size + 1, channels], "picture"),
  randomTensor([channels, 1, kernel, kernel], "filter"),
];

/** The value and both gradients of a sum of squares by one way to convolve. */
async function pass(
  convolve: (x: Tensor, weight: Tensor) => Tensor,
  inputs: [Tensor, Tensor],
): Promise<Float32Array[]> {
  const gradients = grads((x, weight) => sum(square(convolve(x!, weight!))))([...inputs]);
  const all = [convolve(...inputs), ...gradients];
  return Promise.all(all.map((tensor) => tensor.data<"float32">()));
}

/** tfjs's own kernels on its cpu backend. */
function byTfjs({ stride, padding: [before, after] }: Setting): (x: Tensor, weight: Tensor) => Tensor {
  return (x, weight) => {
    const around: [number, number][] = [
      [0, 0],
      [before, after],
      [before, after],
      [0, 0],
    ];
    const filter = transpose(weight, [2, 3, 0, 1]) as Tensor4D;
    return tfDepthwiseConv2d(pad(x, around) as Tensor4D, filter, stride, "valid");
  };
}

test.each(settings)("value and gradients are tfjs's own: $kernel by $stride, $padding", async (setting) => {
  await useEngine("cpu");
  const expected = await pass(byTfjs(setting), inputsOf(setting));
  for (const engine of ["cpu", "wasm"] as const) {
    await useEngine(engine);
    const found = await pass((x, weight) => depthwiseConv2d({ weight }, x, setting), inputsOf(setting));
    expected.forEach((values, index) => {
      const scale = Math.max(1, ...values.map(Math.abs));
      expect(largestDifference(found[index]!, values) / scale, `${engine} ${index}`).toBeLessThan(1e-5);
    });
  }
});

test("a stride longer than the filter is refused", () => {
  const [x, weight] = inputsOf({ size: 6, kernel: 1, stride: 2, padding: [0, 0] });
  expect(() => depthwiseConv2d({ weight }, x, { stride: 2 })).toThrow("A filter of 1 cannot move by 2");
});
