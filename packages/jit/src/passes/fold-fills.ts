import type { Graph, Node, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { evaluate, filled } from "./evaluate.ts";
import { resultOf, rewrite, type Rewriter, type Rule } from "./rewrite.ts";

/** The number that fills a value, if a `Fill` makes it. */
export function fillOf(value: Value, graph: Rewriter): number | undefined {
  const producer = graph.producer(value);
  return producer?.op === "Fill" ? (producer.attributes["value"] as number) : undefined;
}

const emitFill = (value: number, type: Value, graph: Rewriter): readonly Value[] => [
  graph.emit("Fill", [], { value }, type),
];

/** A fill in its one form: the number as its type holds it, and nothing else. */
function canonicalFill(node: Node, graph: Rewriter): readonly Value[] | undefined {
  const result = resultOf(node);
  const { value, ...rest } = node.attributes;
  const held = filled(value as number, result.dtype, 1)[0] as number;
  if (Object.is(held, value) && Object.keys(rest).length === 0) return undefined;
  return emitFill(held, result, graph);
}

/** The number that an elementwise operation makes of numbers. */
function applied(node: Node, numbers: readonly number[]): number {
  const scalar = ({ id, dtype }: Value, place: number): Value => ({
    id: id + place,
    shape: [],
    dtype,
  });
  const inputs = node.inputs.map((value, place) => scalar({ ...value, id: 0 }, place));
  const outputs = [scalar({ ...resultOf(node), id: 0 }, inputs.length)];
  const operands = numbers.map((value, place) => filled(value, inputs[place]!.dtype, 1));
  return evaluate({ ...node, inputs, outputs }, operands)[0] as number;
}

/** The fill that an operation on fills gives. */
function foldedFill(node: Node, graph: Rewriter): readonly Value[] | undefined {
  const { op, inputs } = node;
  const numbers = inputs.map((value) => fillOf(value, graph));
  const [first] = numbers;
  if (first === undefined || numbers.includes(undefined)) return undefined;
  const { isPointwise, rearranges } = operationOf(op).traits;
  if (rearranges) return emitFill(first, resultOf(node), graph);
  if (!isPointwise) return undefined;
  return emitFill(applied(node, numbers as number[]), resultOf(node), graph);
}

const fold: Rule = (node, graph) => {
  if (node.op === "Fill") return canonicalFill(node, graph);
  if (node.op === "ZerosLike") return emitFill(0, resultOf(node), graph);
  if (node.op === "OnesLike") return emitFill(1, resultOf(node), graph);
  return foldedFill(node, graph);
};

/**
 * Computes with repeated numbers as with one number: elementwise operations on fills, and operations that
 * only move elements, give fills of any size without their elements ever existing.
 */
export function foldFills(graph: Graph): Graph {
  return rewrite(graph, fold);
}
