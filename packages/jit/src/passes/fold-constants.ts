import { sizeOf } from "@clip-ts/core";
import type { Constant, Graph, Node, Value } from "../ir/graph.ts";
import { isOpen } from "../ir/symbols.ts";
import { evaluate, filled, repeatedNumber } from "./evaluate.ts";
import { resultOf, rewrite, type Rewriter, type Rule } from "./rewrite.ts";

/** A folded constant holds at most this many elements: larger ones cost more to store than to compute. */
const largestConstant = 16_384;

/** The data of a value that is known, unless it is too large to spell out. */
function knownData(value: Value, graph: Rewriter): Constant["data"] | undefined {
  if (sizeOf(value.shape) > largestConstant) return undefined;
  const constant = graph.constantBehind(value);
  if (constant !== undefined) return constant.data;
  const producer = graph.producer(value);
  if (producer?.op !== "Fill") return undefined;
  return filled(producer.attributes["value"] as number, value.dtype, sizeOf(value.shape));
}

const foldable = (node: Node): boolean =>
  node.op !== "Fill" &&
  node.outputs.length === 1 &&
  sizeOf(resultOf(node).shape) <= largestConstant;

/** A constant in another shape is the same data, whatever its size. */
function reshapedConstant(node: Node, graph: Rewriter): Value | undefined {
  const source = node.op === "Reshape" && graph.constantBehind(node.inputs[0] as Value);
  return source ? graph.constant(source.data, resultOf(node), source.name) : undefined;
}

const fold: Rule = (node, graph) => {
  const reshaped = reshapedConstant(node, graph);
  if (reshaped !== undefined) return [reshaped];
  if (!foldable(node)) return undefined;
  const operands = node.inputs.map((value) => knownData(value, graph));
  if (operands.includes(undefined)) return undefined;
  const result = resultOf(node);
  const data = evaluate(node, operands as Constant["data"][]);
  const value = repeatedNumber(data);
  if (value !== undefined) return [graph.emit("Fill", [], { value }, result)];
  return [graph.constant(data, result)];
};

/**
 * Computes operations on constants now, where the result is small and no open size is involved. Exact on
 * the engine that runs now.
 */
export function foldConstants(graph: Graph): Graph {
  const { symbols = [] } = graph;
  const isClosed = ({ shape }: Value): boolean => !shape.some((side) => isOpen(side, symbols));
  return rewrite(graph, (node, rewriter) =>
    [...node.inputs, ...node.outputs].every(isClosed) ? fold(node, rewriter) : undefined,
  );
}
