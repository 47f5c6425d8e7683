import { randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { compareGradients, type GradientCase, type GradientCases } from "./against-tfjs.test.ts";
import { matMuls } from "./reductions.ts";
import { windows } from "./windows.ts";

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;
const sides = (rows: number, columns: number, isTransposed: boolean): number[] =>
  isTransposed ? [columns, rows] : [rows, columns];

/** A matmul with operands as they are and transposed; [..., 3, 4] by [..., 4, 5]. */
const matMulCases = (name: string, a: number[], b: number[], judge?: "differences"): GradientCase[] =>
  transposes.map(([transposeA, transposeB]) => ({
    name: `${name}${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`,
    inputs: [
      [...a, ...sides(3, 4, transposeA)],
      [...b, ...sides(4, 5, transposeB)],
    ],
    run: (x, y) => tf.matMul(x!, y!, transposeA, transposeB),
    ...(judge === undefined ? {} : { judge }),
  }));

const paddings = [
  ["valid", "valid"],
  ["same", "same"],
  ["1", 1],
  [
    "by sides",
    [
      [0, 0],
      [1, 2],
      [0, 1],
      [0, 0],
    ],
  ],
] as const;
type Padding = Parameters<typeof tf.conv2d>[3];

const convolutions = (
  filter: number[],
  run: (x: tf.Tensor4D, filter: tf.Tensor4D, stride: number | [number, number], pad: Padding) => tf.Tensor,
  engines: readonly ("cpu" | "wasm")[],
): GradientCase[] =>
  paddings.flatMap(([name, pad]) =>
    // tfjs-core takes the height's stride for both where the padding is a number.
    [1, 2, ...(pad === 1 ? [] : [[2, 1] as [number, number]])].map((stride) => ({
      name: `${name}, stride ${stride}`,
      inputs: [[2, 6, 7, 3], filter],
      run: (x, y) => run(x as tf.Tensor4D, y as tf.Tensor4D, stride, pad as Padding),
      engines,
    })),
  );

const pooled = (
  run: (x: tf.Tensor4D, size: [number, number], stride: number, pad: "valid" | "same" | number) => tf.Tensor,
): GradientCase[] =>
  (["valid", "same", 1] as const).flatMap((pad) =>
    [1, 2].map((stride) => ({
      name: `${pad}, stride ${stride}`,
      inputs: [[2, 6, 7, 3]],
      run: (x) => run(x as tf.Tensor4D, [2, 3], stride, pad),
      engines: ["cpu"],
    })),
  );

const spread = tf.add(tf.abs(randomTensor([5])), 0.5);
const cases: GradientCases = {
  BatchMatMul: [
    ...matMulCases("of matrices", [], []),
    ...matMulCases("of batches", [2, 3], [2, 3]),
    ...matMulCases("of batches by a matrix", [2, 3], [], "differences"),
    ...matMulCases("of a matrix by batches", [], [3], "differences"),
    // tfjs's cpu kernel cannot broadcast both ways.
    ...matMulCases("of batches of 1", [2, 1], [1, 3], "differences").map((given): GradientCase => ({
      ...given,
      engines: ["wasm"],
    })),
  ],
  FusedBatchNorm: [
    {
      inputs: [[2, 3, 4, 5], [5], spread, [5], [5]],
      run: (x, ...[mean, variance, offset, scale]) =>
        tf.batchNorm(x!, mean as never, variance as never, offset as never, scale as never, 1e-3),
    },
  ],
  Conv2D: convolutions([3, 3, 3, 4], (x, filter, stride, pad) => tf.conv2d(x, filter, stride, pad), ["cpu", "wasm"]),
  Conv2DBackpropInput: [1, 2].map((stride) => ({
    name: `stride ${stride}`,
    inputs: [
      [2, 3, 4, 3],
      [3, 3, 4, 3],
    ],
    run: (x, filter) =>
      tf.conv2dTranspose(x as tf.Tensor4D, filter as tf.Tensor4D, [2, 3 * stride, 4 * stride, 4], stride, "same"),
  })),
  DepthwiseConv2dNative: [
    ...convolutions([3, 3, 3, 2], (x, filter, stride, pad) => tf.depthwiseConv2d(x, filter, stride, pad as "valid"), [
      "cpu",
    ]),
  ],
  AvgPool: pooled(tf.avgPool),
  MaxPool: [
    ...pooled(tf.maxPool),
    {
      name: "with ties",
      inputs: [tf.ones([1, 4, 4, 1])],
      run: (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, "valid"),
      engines: ["cpu"],
    },
  ],
};

compareGradients(cases);

test.each([tf.conv2d, tf.depthwiseConv2d])("a dilated convolution is refused by name", (run) => {
  const dilated = tf.grad((x: tf.Tensor) => run(x as tf.Tensor4D, tf.ones([2, 2, 1, 1]), 1, "same", "NHWC", [2, 1]));
  expect(() => dilated(tf.ones([1, 5, 5, 1]))).toThrow("dilations [2,1] has no gradient");
});

test("every rule of these files has a case", () => {
  expect(Object.keys(cases).toSorted()).toEqual(Object.keys({ ...matMuls, ...windows }).toSorted());
});
