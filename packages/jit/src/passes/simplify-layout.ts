import { sizeOf } from "@clip-ts/core";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { resultOf, rewrite, type Rewriter, type Rule } from "./rewrite.ts";

const permOf = (node: Node): readonly number[] => node.attributes["perm"] as number[];

/** Whether the axes that hold more than one element keep their order, so that no element moves. */
function movesNothing(x: Value, perm: readonly number[]): boolean {
  const moved = perm.filter((axis) => x.shape[axis] !== 1);
  return moved.every((axis, place) => place === 0 || axis > (moved[place - 1] as number));
}

/** What a value was before it was only reshaped. */
function unreshaped(value: Value, graph: Rewriter): Value {
  const producer = graph.producer(value);
  return producer?.op === "Reshape" ? (producer.inputs[0] as Value) : value;
}

const layout: Rule = (node, graph) => {
  if (node.op !== "Reshape" && node.op !== "Transpose") return undefined;
  const x = node.inputs[0] as Value;
  const result = resultOf(node);
  if (node.op === "Reshape" || movesNothing(x, permOf(node))) {
    const source = unreshaped(x, graph);
    if (node.op === "Reshape" && source === x) return undefined;
    return [graph.emit("Reshape", [source], { shape: result.shape }, result)];
  }
  const before = graph.producer(x);
  if (before?.op !== "Transpose") return undefined;
  const perm = permOf(node).map((axis) => permOf(before)[axis] as number);
  return [graph.emit("Transpose", [before.inputs[0] as Value], { perm }, result)];
};

/**
 * Makes one reshape of a chain of reshapes, one transpose of a chain of transposes, and a reshape of a
 * transpose that only moves sides of length 1. Exact.
 */
export function simplifyLayout(graph: Graph): Graph {
  return rewrite(graph, layout);
}

/** An operand of a matmul, and whether the matmul reads its last two axes swapped. */
interface Operand {
  readonly value: Value;
  readonly isTransposed: boolean;
}

/** Whether a permutation swaps the last two axes and nothing else. */
function swapsLastTwo(perm: readonly number[]): boolean {
  const rank = perm.length;
  return perm.every((from, axis) => from === (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
}

/** The operand read from before a transpose of its last two axes, if it comes from one. */
function untransposed({ value, isTransposed }: Operand, graph: Rewriter): Operand | undefined {
  const producer = graph.producer(value);
  if (producer?.op !== "Transpose") return undefined;
  if (!swapsLastTwo(producer.attributes["perm"] as number[])) return undefined;
  return { value: producer.inputs[0] as Value, isTransposed: !isTransposed };
}

const operandsOf = ({ inputs, attributes }: Node): readonly [Operand, Operand] => [
  { value: inputs[0] as Value, isTransposed: attributes["transposeA"] === true },
  { value: inputs[1] as Value, isTransposed: attributes["transposeB"] === true },
];

function multiply(a: Operand, b: Operand, graph: Rewriter, type: Value): Value {
  const attributes = { transposeA: a.isTransposed, transposeB: b.isTransposed };
  return graph.emit("BatchMatMul", [a.value, b.value], attributes, type);
}

const transposes: Rule = (node, graph) => {
  if (node.op !== "BatchMatMul") return undefined;
  const [a, b] = operandsOf(node);
  const [left, right] = [untransposed(a, graph), untransposed(b, graph)];
  if (left === undefined && right === undefined) return undefined;
  return [multiply(left ?? a, right ?? b, graph, resultOf(node))];
};

function reshaped(value: Value, shape: readonly number[], graph: Rewriter): Value {
  return graph.emit("Reshape", [value], { shape }, { shape, dtype: value.dtype });
}

/** The operand as one matrix: its rows of every batch under each other. */
function flattened({ value, isTransposed }: Operand, graph: Rewriter): Operand {
  const columns = value.shape.at(-1) as number;
  const rows = sizeOf(value.shape.slice(0, -1));
  return { value: reshaped(value, [rows, columns], graph), isTransposed };
}

const toMatrices: Rule = (node, graph) => {
  if (node.op !== "BatchMatMul") return undefined;
  const [a, b] = operandsOf(node);
  const [left, right] = [a.value.shape.slice(0, -2), b.value.shape.slice(0, -2)];
  const isFlat = left.length === 0 && right.length === 0;
  const sharesRight = sizeOf(right) === 1 && (sizeOf(left) === 1 || !a.isTransposed);
  if (isFlat || !sharesRight) return undefined;
  const result = resultOf(node);
  const columns = result.shape.at(-1) as number;
  const rows = sizeOf(result.shape.slice(0, -1));
  const type = { ...result, shape: [rows, columns] };
  const folded = multiply(flattened(a, graph), flattened(b, graph), graph, type);
  return [reshaped(folded, result.shape, graph)];
};

/**
 * Reads transposed operands of matmuls in place, by the matmul's flags, and writes matmuls that share
 * their right side over a batch as one matmul of two matrices. The same sums; an engine may order their
 * terms differently.
 */
export function foldMatMuls(graph: Graph): Graph {
  return rewrite(rewrite(graph, transposes), toMatrices);
}
