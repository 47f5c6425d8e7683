import { valueAndGradient } from "@clip-ts/core";
import { randomTensor, relativeError } from "@clip-ts/test-utils";
import {
  add,
  dispose,
  engine,
  fill,
  matMul,
  mean,
  mul,
  reshape,
  rsqrt,
  sigmoid,
  softmax,
  square,
  sub,
  sum,
  tensor,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { rowCodes } from "@clip-ts/native";
import { type Graph, interpret, kernelInputs, type NamedTensors, type Op, optimize, trace } from "@clip-ts/jit";
import { fuseRows } from "./fuse-rows.ts";
import type { TensorflowGraph, TensorflowNode } from "../graph-builder.ts";
import type { RowKernel } from "./row-kernel.ts";

const names = new Map(Object.entries(rowCodes).map(([name, code]) => [code as number, name]));

const unary: Readonly<Record<string, (x: number) => number>> = {
  Neg: (x) => -x,
  Exp: Math.exp,
  Sqrt: Math.sqrt,
  Rsqrt: (x) => 1 / Math.sqrt(x),
  Square: (x) => x * x,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Reciprocal: (x) => 1 / x,
  Relu: (x) => Math.max(x, 0),
};
const binary: Readonly<Record<string, (x: number, y: number) => number>> = {
  Add: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Multiply: (x, y) => x * y,
  RealDiv: (x, y) => x / y,
  Maximum: Math.max,
  Minimum: Math.min,
  SquaredDifference: (x, y) => (x - y) ** 2,
};
const total = (row: readonly number[]): number => row.reduce((sum, x) => sum + x, 0);
const reduction: Readonly<Record<string, (row: readonly number[]) => number>> = {
  Sum: total,
  Mean: (row) => total(row) / row.length,
  Max: (row) => Math.max(...row),
};

type Slot = readonly number[];

/** One row of a kernel, by the book: every slot is a list, of one number if it is one. */
function runInstruction(name: string, a: Slot, b: Slot): Slot {
  const at = (slot: Slot, index: number): number => (slot.length === 1 ? slot[0] : slot[index]) ?? 0;
  const length = Math.max(a.length, b.length);
  const [one, two, whole] = [unary[name], binary[name], reduction[name]];
  if (one !== undefined) return a.map(one);
  if (whole !== undefined) return [whole(a)];
  return Array.from({ length }, (_, index) => two!(at(a, index), at(b, index)));
}

/** What the native part does with a kernel. */
function runRows({ outputs }: TensorflowNode, kernel: RowKernel, operands: readonly Tensor[]): Tensor[] {
  const { columns, numbers, code } = kernel;
  const arrays = operands.map((operand) => [...operand.dataSync()]);
  const rows = arrays[kernel.inputs.indexOf("whole")]!.length / columns;
  const results: number[][] = outputs.map((_, at) =>
    kernel.outputs[at] === "sums" ? Array.from({ length: columns }, () => 0) : [],
  );
  for (let row = 0; row < rows; row++) {
    const slots: Slot[] = arrays.map((array, at) => {
      const kind = kernel.inputs[at];
      if (kind === "number") return array;
      if (kind === "column") return [array[row]!];
      const start = (row * columns) % array.length;
      return array.slice(start, start + columns);
    });
    slots.push(...numbers.map((number) => [number]));
    for (let at = 0; at < code.length; at += 4) {
      const [which, target, left, right] = code.slice(at, at + 4) as [number, number, number, number];
      const name = names.get(which)!;
      const a = slots[left]!;
      if (name === "Store") results[target]!.push(...a);
      else if (name === "AddToColumns") a.forEach((x, index) => (results[target]![index]! += x));
      else slots[target] = runInstruction(name, a, slots[right]!);
    }
  }
  return results.map((values, at) => tensor(values, [...outputs[at]!.shape]));
}

/** Runs a graph in which operations may be fused. */
function runFused(graph: TensorflowGraph, inputs: NamedTensors): NamedTensors {
  const known = new Map(graph.inputs.map(({ name, value }) => [value.id, inputs[name] as Tensor]));
  for (const { value, data } of graph.constants) known.set(value.id, tensor(data, [...value.shape]));
  for (const node of graph.nodes) {
    const operands = node.inputs.map(({ id }) => {
      expect(known.has(id), "is made before it is needed").toBe(true);
      return known.get(id)!;
    });
    const run = (): Tensor[] => {
      const { op, attributes, outputs } = node;
      if (op === "FusedRows") return runRows(node, attributes["kernel"] as RowKernel, operands);
      if (op === "Fill") return [fill([...outputs[0]!.shape], attributes["value"] as number)];
      const given = kernelInputs(op as Op, operands) as NamedTensorMap;
      return [engine().runKernel(op, given, attributes as NamedAttrMap)].flat() as Tensor[];
    };
    run().forEach((result, at) => known.set(node.outputs[at]!.id, result));
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, known.get(value.id)!]));
}

const fuse = (graph: Graph): TensorflowGraph =>
  fuseRows(
    graph,
    graph.outputs.map(({ value }) => value),
  );

/** Both graphs on random numbers. */
async function expectEqual(graph: Graph, fused: TensorflowGraph): Promise<void> {
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, value }) => [name, randomTensor([...value.shape], name)]),
  );
  const [expected, actual] = [interpret(graph, inputs), runFused(fused, inputs)];
  for (const [name, reference] of Object.entries(expected)) {
    expect(actual[name]!.shape, name).toEqual(reference.shape);
    expect(relativeError(await actual[name]!.data(), await reference.data(), 1e-6), name).toBeLessThan(1e-5);
  }
  dispose([inputs, expected, actual] as never);
}

const traced = (run: (inputs: NamedTensors) => NamedTensors, shapes: Record<string, number[]>): Graph =>
  optimize(trace(run, Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape }]))));

const opsOf = ({ nodes }: TensorflowGraph): string[] => nodes.map(({ op }) => op).filter((op) => op !== "Fill");

const layerNorm = (x: Tensor, gamma: Tensor, beta: Tensor): Tensor => {
  const centred = sub(x, mean(x, -1, true));
  const scale = rsqrt(add(mean(square(centred), -1, true), 1e-5));
  return add(mul(mul(centred, scale), gamma), beta);
};

/** A block without attention: norm, matmul, bias, QuickGELU, matmul, residual. */
function block({ x, gamma, beta, bias, up, down }: NamedTensors): Tensor {
  const flat = reshape(layerNorm(x as Tensor, gamma as Tensor, beta as Tensor), [-1, 16]);
  const wide = add(matMul(flat, up as Tensor), bias as Tensor);
  const active = mul(wide, sigmoid(mul(wide, 1.702)));
  return add(reshape(matMul(active, down as Tensor), [3, 5, 16]), x as Tensor);
}

const blockShapes = {
  x: [3, 5, 16],
  gamma: [16],
  beta: [16],
  bias: [64],
  up: [16, 64],
  down: [64, 16],
};

test("norms, biases and activations become one pass each", async () => {
  const graph = traced((given) => ({ y: block(given) }), blockShapes);
  const fused = fuse(graph);
  const [norm, , up, activation, down] = opsOf(fused);
  expect([norm, up, activation, down]).toEqual(["FusedRows", "BatchMatMul", "FusedRows", "BatchMatMul"]);
  // The residual alone is no gain.
  expect(opsOf(fused).slice(5)).toEqual(["Reshape", "Add"]);
  await expectEqual(graph, fused);
});

test("the backward pass computes activations again rather than keep them", async () => {
  const graph = traced((given) => {
    const { value, gradient } = valueAndGradient(
      (params: NamedTensors) => ({ loss: sum(square(block(params as never))) }),
      given as Record<string, Tensor>,
    );
    return { ...(gradient as NamedTensors), loss: value };
  }, blockShapes);
  const fused = fuse(graph);
  const passes = fused.nodes.filter(({ op }) => op === "FusedRows");
  expect(opsOf(fused).length).toBeLessThan(opsOf(graph).length / 3);
  expect(opsOf(fused)).not.toContain("Sigmoid");
  const sizes = passes.map(({ outputs }) =>
    outputs.filter(({ shape }) => shape.at(-1) === 64 && shape.length > 1).map(({ shape }) => shape),
  );
  // Of the wide matrices only the activation itself and the gradient leave their passes.
  expect(sizes.flat()).toEqual([
    [15, 64],
    [15, 64],
  ]);
  await expectEqual(graph, fused);
});

test("softmax, numbers a row, rows that come again, and sums over columns", async () => {
  const graph = traced(
    ({ scores, mask, scale, other }) => {
      const shares = softmax(add(mul(scores as Tensor, scale as Tensor), mask as Tensor));
      const moved = mul(shares, other as Tensor);
      const left = sub(moved, mul(sum(moved, -1, true), shares));
      return { shares, left, columns: sum(reshape(left, [24, 8]), 0) };
    },
    { scores: [2, 3, 4, 8], mask: [4, 8], scale: [], other: [2, 3, 4, 8] },
  );
  const fused = fuse(graph);
  expect(opsOf(fused)).toEqual(["FusedRows"]);
  const { inputs } = fused.nodes.find(({ op }) => op === "FusedRows")!.attributes["kernel"] as RowKernel;
  expect(inputs.toSorted()).toEqual(["number", "repeated", "whole", "whole"]);
  await expectEqual(graph, fused);
});

test("what lies between two operations of a pass ends it", async () => {
  // The last sum needs the matmul, which needs the first sum: both cannot be in one pass.
  const graph = traced(
    ({ x, w }) => {
      const first = square(add(x as Tensor, 1));
      const between = matMul(first as never, w as Tensor);
      return { y: sum(mul(add(between, first), x as Tensor), 0), first: add(first, 2) };
    },
    { x: [16, 8], w: [8, 8] },
  );
  const fused = fuse(graph);
  expect(opsOf(fused)).toEqual(["FusedRows", "BatchMatMul", "FusedRows"]);
  await expectEqual(graph, fused);
});

test("sums over columns are not read in the pass that makes them", async () => {
  const graph = traced(
    ({ x }) => {
      const means = sum(square(x as Tensor), 0);
      return { y: sub(square(x as Tensor), mul(means, 2)) };
    },
    { x: [16, 8] },
  );
  await expectEqual(graph, fuse(graph));
});

test("short rows, integers and other axes stay as they are", () => {
  const short = traced(({ x }) => ({ y: square(add(x as Tensor, 1)) }), { x: [100, 3] });
  expect(opsOf(fuse(short))).toEqual(opsOf(short));
  const middle = traced(({ x }) => ({ y: sum(x as Tensor, 1) }), { x: [4, 8, 16] });
  expect(opsOf(fuse(middle))).toEqual(["Sum"]);
});
