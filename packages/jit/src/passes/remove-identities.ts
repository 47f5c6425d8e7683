import { sizeOf } from "@clip-ts/core";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { resultOf, rewrite, sameShape, type Rewriter, type Rule } from "./rewrite.ts";

const inAxisOrder = (perm: readonly number[]): boolean => perm.every((from, axis) => from === axis);

function isIdentity(node: Node, x: Value): boolean {
  if (node.inputs.length !== 1) return false;
  if (node.op === "Transpose") return inAxisOrder(node.attributes["perm"] as number[]);
  const result = resultOf(node);
  const isSameType = result.dtype === x.dtype && sameShape(result.shape, x.shape);
  return isSameType && operationOf(node.op).traits.returnsSameType === true;
}

/** Whether only the shape changes: the elements are the same ones in the same order. */
function onlyReshapes(node: Node, x: Value): boolean {
  if (node.op === "ExpandDims") return true;
  const { shape, dtype } = resultOf(node);
  const { reducesOver } = operationOf(node.op).traits;
  return reducesOver !== undefined && dtype === x.dtype && sizeOf(shape) === sizeOf(x.shape);
}

/** A reshape in its one form: the full shape, no side left open. */
function asReshape(node: Node, x: Value, graph: Rewriter): Value | undefined {
  const result = resultOf(node);
  const isWritten =
    node.op === "Reshape" && sameShape(node.attributes["shape"] as number[], result.shape);
  if (isWritten || (node.op !== "Reshape" && !onlyReshapes(node, x))) return undefined;
  return graph.emit("Reshape", [x], { shape: result.shape }, result);
}

/** A cast of a cast from bool is one cast: every type holds 0 and 1. */
function directCast(node: Node, x: Value, graph: Rewriter): Value | undefined {
  const earlier = node.op === "Cast" ? graph.producer(x) : undefined;
  const source = earlier?.inputs[0];
  if (earlier?.op !== "Cast" || source?.dtype !== "bool") return undefined;
  const result = resultOf(node);
  if (result.dtype === "bool") return source;
  return graph.emit("Cast", [source], { dtype: result.dtype }, result);
}

const identity: Rule = (node, graph) => {
  const x = node.inputs[0];
  if (x === undefined) return undefined;
  if (node.op === "SplitV" && node.outputs.length === 1) return [x];
  if (isIdentity(node, x)) return [x];
  const simpler = asReshape(node, x, graph) ?? directCast(node, x, graph);
  return simpler === undefined ? undefined : [simpler];
};

/**
 * Drops operations that give back what they are given, and writes `ExpandDims` and reductions over sides
 * of length 1 as the reshapes they are. Exact.
 */
export function removeIdentities(graph: Graph): Graph {
  return rewrite(graph, identity);
}
