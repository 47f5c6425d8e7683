import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import type { Graph, Node } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { shapeRules } from "../trace/kernels.ts";
import { trace, type NamedTensors } from "../trace/trace.ts";
import type { HostArray } from "../program/host-array.ts";
import { compileOnnx } from "./compile-onnx.ts";

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

interface Case {
  readonly name: string;
  readonly inputs: readonly tf.Tensor[];
  readonly run: Operation;
}

const cases: Case[] = [];
const add = (name: string, run: Operation, ...inputs: tf.Tensor[]): void => {
  cases.push({ name, run, inputs });
};

const random = (shape: number[], name = "x"): tf.Tensor => randomTensor(shape, name);
const positive = (shape: number[]): tf.Tensor => tf.add(tf.abs(random(shape)), 0.1);
const ints = (values: number[], shape: number[] = [values.length]): tf.Tensor =>
  tf.tensor(values, shape, "int32");

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
    add(
      name,
      (x) => run(x as tf.Tensor, axis as number[] | undefined, keepDims),
      random([2, 3, 4]),
    );
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
add("Slice", (x) => tf.slice(x!, [0, 1, 2], [-1, 2, 1]), random([2, 4, 5]));
add("SplitV", (x) => tf.split(x!, [1, 3], 1), random([2, 4]));
add("SplitV", (x) => tf.split(x!, 2, -1), random([2, 4]));
add("Tile", (x) => tf.tile(x!, [2, 1, 3]), random([2, 3, 1]));
add("Transpose", (x) => tf.transpose(x!, [2, 0, 1]), random([2, 3, 4]));
add("Fill", (x) => tf.mul(x!, tf.ones([2, 3])), random([2, 3]));

const numbered = (tensors: readonly tf.Tensor[], prefix: string): NamedTensors =>
  Object.fromEntries(tensors.map((tensor, index) => [`${prefix}${index}`, tensor]));

/** Runs a graph on ONNX Runtime with tensors in and out. */
async function runOnnx(
  graph: Graph,
  inputs: NamedTensors,
): Promise<Readonly<Record<string, HostArray>>> {
  const compiled = await compileOnnx(graph, { runtime, threads: 1 });
  const arrays = Object.entries(inputs).map(async ([name, tensor]) => {
    const { shape } = tensor;
    return [name, { data: (await tensor.data()) as Float32Array, shape }] as const;
  });
  const results = await compiled.run(Object.fromEntries(await Promise.all(arrays)));
  await compiled.dispose();
  return results;
}

test.each(cases)("$name gives what tfjs gives", async ({ name, inputs, run }) => {
  const given = numbered(inputs, "x");
  const spec = Object.fromEntries(
    Object.entries(given).map(([key, { shape, dtype }]) => [key, { shape, dtype: dtype as never }]),
  );
  const graph = trace((traced) => numbered([run(...Object.values(traced))].flat(), "y"), spec);
  expect(graph.nodes.map(({ op }) => op)).toContain(name);
  const actual = await runOnnx(graph, given);
  const expected = interpret(graph, given);
  for (const [key, tensor] of Object.entries(expected)) {
    const array = actual[key] as HostArray;
    expect(array.shape).toEqual(tensor.shape);
    expect(largestDifference(array.data as Float32Array, await tensor.data())).toBeLessThan(1e-5);
  }
});

test("every operation that can be traced is in the table above", () => {
  const covered = new Set([...cases.map(({ name }) => name), "Fill"]);
  expect([...shapeRules.keys()].filter((op) => !covered.has(op))).toEqual([]);
});

test("an operation without a counterpart is an error that names it", async () => {
  const value = { id: 0, shape: [2], dtype: "float32" } as const;
  const node: Node = { op: "Bincount", inputs: [value], attributes: {}, outputs: [value] };
  const graph = { inputs: [{ name: "x", value }], constants: [], nodes: [node], outputs: [] };
  await expect(compileOnnx(graph, { runtime })).rejects.toThrow(/Bincount cannot be written/u);
});

test("an input can be an output, and one value can have two names", async () => {
  const graph = trace(
    ({ x }) => ({ same: x!, a: tf.neg(x!), ...((y) => ({ y, z: y }))(tf.abs(x!)) }),
    {
      x: { shape: [2] },
    },
  );
  const results = await runOnnx(graph, { x: tf.tensor([-1, 2]) });
  const lists = Object.entries(results).map(([name, { data }]) => [name, [...data]]);
  expect(Object.fromEntries(lists)).toEqual({ same: [-1, 2], a: [1, -2], y: [1, 2], z: [1, 2] });
});

test("results are written where the caller wants them", async () => {
  const graph = trace(({ x }) => ({ y: tf.mul(x!, 2), z: tf.add(x!, 1) }), { x: { shape: [2] } });
  const compiled = await compileOnnx(graph, { runtime });
  const memory = new Float32Array(8);
  const y = { data: memory.subarray(3, 5), shape: [2] };
  const { z } = await compiled.run({ x: { data: Float32Array.of(1, 2), shape: [2] } }, { y });
  expect([...memory]).toEqual([0, 0, 0, 2, 4, 0, 0, 0]);
  expect([...(z as HostArray).data]).toEqual([2, 3]);
  await compiled.dispose();
});

test("an array of another shape is an error", async () => {
  const graph = trace(({ x }) => ({ y: tf.neg(x!) }), { x: { shape: [2] } });
  const compiled = await compileOnnx(graph, { runtime });
  const run = compiled.run({ x: { data: new Float32Array(3), shape: [3] } });
  await expect(run).rejects.toThrow(/"x" was compiled for \[2\]; got \[3\]/u);
  await compiled.dispose();
});
