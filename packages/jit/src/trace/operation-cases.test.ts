import { barrier } from "@clip-ts/core";
import { randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { allOps } from "../ir/ops.ts";

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** One way of using one operation. */
export interface OperationCase {
  readonly name: string;
  readonly inputs: readonly tf.Tensor[];
  readonly run: Operation;
}

/** Every operation that can be traced, used in the ways that matter to the targets. */
export const operationCases: OperationCase[] = [];
const add = (name: string, run: Operation, ...inputs: tf.Tensor[]): void => {
  operationCases.push({ name, run, inputs });
};

const random = (shape: number[], name = "x"): tf.Tensor => randomTensor(shape, name);
const positive = (shape: number[]): tf.Tensor => tf.add(tf.abs(random(shape)), 0.1);
const ints = (values: number[], shape: number[] = [values.length]): tf.Tensor => tf.tensor(values, shape, "int32");

for (const [name, run] of Object.entries({
  Abs: tf.abs,
  Erf: tf.erf,
  Exp: tf.exp,
  Identity: (x: tf.Tensor) => x.clone(),
  Log1p: (x: tf.Tensor) => tf.log1p(tf.abs(x)),
  Neg: tf.neg,
  OnesLike: tf.onesLike,
  Reciprocal: tf.reciprocal,
  Relu: tf.relu,
  Sigmoid: tf.sigmoid,
  Sign: tf.sign,
  Softplus: tf.softplus,
  Square: tf.square,
  Step: tf.step,
  Tanh: tf.tanh,
  ZerosLike: tf.zerosLike,
})) {
  add(name, run as Operation, random([3, 5]));
}
add("Log", tf.log as Operation, positive([3, 5]));
add("Log1p", tf.log1p as Operation, tf.tensor([1e-6, -1e-6, 0, 0.5, 3, 1e-3]));
add("Rsqrt", tf.rsqrt as Operation, positive([3, 5]));
add("Sqrt", tf.sqrt as Operation, positive([3, 5]));
add("Step", (x) => tf.step(x as tf.Tensor, 0.25), random([3, 5]));
add("ClipByValue", (x) => tf.clipByValue(x as tf.Tensor, -0.5, 0.25), random([3, 5]));

for (const [name, run] of Object.entries({
  Add: tf.add,
  Maximum: tf.maximum,
  Minimum: tf.minimum,
  Multiply: tf.mul,
  RealDiv: tf.div,
  SquaredDifference: tf.squaredDifference,
  Sub: tf.sub,
})) {
  add(name, run as Operation, random([3, 1, 5], "a"), random([2, 1], "b"));
  add(name, run as Operation, random([], "a"), random([2, 3], "b"));
}
add("Add", tf.add as Operation, ints([1, 2, 3]), ints([4]));
add("Pow", tf.pow as Operation, positive([3, 2]), random([2]));
add("FloorDiv", tf.floorDiv as Operation, ints([7, -7, 8, -8, 9]), ints([2]));
add("FloorDiv", tf.floorDiv as Operation, random([4, 3], "a"), positive([3]));

for (const [name, run] of Object.entries({
  Equal: tf.equal,
  Greater: tf.greater,
  GreaterEqual: tf.greaterEqual,
  Less: tf.less,
  LessEqual: tf.lessEqual,
  NotEqual: tf.notEqual,
})) {
  add(name, run as Operation, ints([1, 2, 3, 2], [2, 2]), ints([2, 2]));
  add(name, run as Operation, tf.tensor([1, 2, 3, 2]), tf.tensor([2]));
}
const truths = (values: number[]): tf.Tensor => tf.tensor(values, [values.length], "bool");
add("LogicalAnd", tf.logicalAnd as Operation, truths([0, 0, 1, 1]), truths([0, 1, 0, 1]));
add("LogicalOr", tf.logicalOr as Operation, truths([0, 0, 1, 1]), truths([0, 1, 0, 1]));
add("LogicalNot", tf.logicalNot as Operation, truths([0, 1]));
add("Select", tf.where as Operation, truths([0, 1, 0]), random([2, 3], "t"), random([2, 3], "e"));
add("Select", tf.where as Operation, truths([0, 1]), truths([1, 1]), truths([0, 0]));

for (const [name, run] of Object.entries({
  Max: tf.max,
  Mean: tf.mean,
  Min: tf.min,
  Sum: tf.sum,
})) {
  for (const [axis, keepDims] of [
    [undefined, false],
    [[0, 2], true],
    [-1, false],
    [1, true],
  ] as const) {
    add(name, (x) => run(x as tf.Tensor, axis as number[] | undefined, keepDims), random([2, 3, 4]));
  }
}
add("Sum", (x) => tf.sum(x as tf.Tensor), ints([1, 2, 3]));
add("Sum", (x) => tf.sum(x as tf.Tensor), truths([1, 0, 1]));
add("Mean", (x) => tf.mean(x as tf.Tensor), ints([1, 2, 4]));
add("ArgMax", (x) => tf.argMax(x as tf.Tensor, 1), random([2, 3, 4]));
add("ArgMax", (x) => tf.argMax(x as tf.Tensor, -1), ints([3, 7, 7, 1], [2, 2]));
add("Softmax", (x) => tf.softmax(x as tf.Tensor), random([2, 3, 4]));
add("AddN", (...x) => tf.addN(x), random([2, 3], "a"), random([2, 3], "b"), random([2, 3], "c"));

for (const [flipA, flipB] of [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const) {
  const a = flipA ? [4, 3] : [3, 4];
  const b = flipB ? [5, 4] : [4, 5];
  for (const outer of [[], [2], [2, 3]]) {
    const inputs = [random([...outer, ...a], "a"), random([...outer, ...b], "b")];
    add("BatchMatMul", (x, y) => tf.matMul(x!, y!, flipA, flipB), ...inputs);
  }
}
add("BatchMatMul", (x, y) => tf.matMul(x!, y!, false, true), random([1, 3, 4]), random([2, 5, 4]));

add("Cast", (x) => tf.cast(x!, "int32"), tf.tensor([1.5, -1.5, 0]));
add("Cast", (x) => tf.cast(x!, "float32"), truths([0, 1]));
add("Cast", (x) => tf.cast(x!, "bool"), ints([0, 5]));
add("Concat", (...x) => tf.concat(x, 1), random([2, 1, 3]), random([2, 4, 3]));
add("Concat", (...x) => tf.concat(x, -1), random([2, 1]), random([2, 4]));
add("ExpandDims", (x) => tf.expandDims(x!, -2), random([2, 3]));
add("GatherV2", (x, i) => tf.gather(x!, i!), random([5, 3]), ints([4, 0, 0, 2], [2, 2]));
add("GatherV2", (x, i) => tf.gather(x!, i!, 1), random([2, 5, 3]), ints([4, 0]));
add("GatherV2", (x, i) => tf.gather(x!, i!, 1, 1), random([2, 5, 3]), ints([4, 0], [2, 1]));
add("OneHot", (i) => tf.oneHot(i!, 4), ints([0, 3, 1]));
add("OneHot", (i) => tf.oneHot(i!, 4, 2, -1, "float32"), ints([0, 3], [1, 2]));
add("PadV2", (x) => tf.pad(x!, [[1, 0], [0, 2]], 3), random([2, 2])); // prettier-ignore
add("Range", () => tf.range(2, 9, 3, "int32"));
add("Range", (x) => tf.add(x!, tf.range(0, 1, 0.25)), random([4]));
add("Reshape", (x) => tf.reshape(x!, [3, -1]), random([2, 3, 2]));
add("ScatterNd", (i, u) => tf.scatterND(i!, u!, [4, 3]), ints([3, 0, 3], [3, 1]), random([3, 3]));
add("ScatterNd", (i, u) => tf.scatterND(i!, u!, [2, 3, 4]), ints([1, 2, 0, 1, 1, 2], [3, 2]), random([3, 4]));
add("ScatterNd", (i, u) => tf.scatterND(i!, u!, [2, 3]), ints([1, 2, 0, 1, 1, 2], [3, 2]), random([3]));
add("Slice", (x) => tf.slice(x!, [0, 1, 2], [-1, 2, 1]), random([2, 4, 5]));
add("SplitV", (x) => tf.split(x!, [1, 3], 1), random([2, 4]));
add("SplitV", (x) => tf.split(x!, 2, -1), random([2, 4]));
add("Tile", (x) => tf.tile(x!, [2, 1, 3]), random([2, 3, 1]));
add("Transpose", (x) => tf.transpose(x!, [2, 0, 1]), random([2, 3, 4]));
add("Fill", (x) => tf.mul(x!, tf.ones([2, 3])), random([2, 3]));

const barrierCase: Operation = (x, after) => barrier(tf.neg(x!), tf.exp(after!));
add("Barrier", barrierCase, random([2, 3]), random([4], "after"));
add("Barrier", barrierCase, random([2, 3]), random([], "after"));
add("AvgPool", (x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 0), random([2, 6, 4, 3]));
add("AvgPool", (x) => tf.avgPool(x as tf.Tensor4D, [3, 2], [1, 2], "valid"), random([1, 5, 6, 2]));
for (const [stride, padding, side] of [
  [1, 1, 5],
  [2, 1, 6],
  [2, 0, 6],
  [1, "same", 4],
  [2, "same", 5],
  [1, 1, 1], // few windows, which the ONNX target computes as one matmul
  [2, 1, 3],
  [1, 0, 3],
] as const) {
  const [image, kernel] = [random([2, side, side + 1, 3]), random([3, 3, 3, 4], "filter")];
  const convolve = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, padding);
  const gradients: Operation = (x, filter) => tf.grads((a, b) => tf.mean(tf.square(convolve(a!, b!))))([x!, filter!]);
  add("Conv2D", (x, filter) => convolve(x!, filter!), image, kernel);
  add("Conv2DBackpropFilter", gradients, image, kernel);
  add("Conv2DBackpropInput", gradients, image, kernel);
}

for (const [stride, padding, outputs] of [
  [1, 1, 1],
  [2, "valid", 1],
  [2, "same", 2],
] as const) {
  const convolve: Operation = (x, filter) =>
    tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, padding);
  add("DepthwiseConv2dNative", convolve, random([2, 5, 6, 3]), random([3, 3, 3, outputs], "filter"));
}

test("every operation that can be traced is in the table above", () => {
  const covered = new Set<string>([...operationCases.map(({ name }) => name), "Fill"]);
  expect(allOps.filter((op) => !covered.has(op))).toEqual([]);
});
