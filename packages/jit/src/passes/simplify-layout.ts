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
