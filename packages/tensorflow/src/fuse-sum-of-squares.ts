import type { Value } from "@clip-ts/jit";
import { resultOf, rewrite, type Rewriter } from "@clip-ts/jit/backend";
import type { TensorflowGraph, TensorflowNode, TensorflowOp } from "./graph.ts";

/** The operand, if a value is its elementwise square. */
function squared(value: Value, graph: Rewriter<TensorflowOp>): Value | undefined {
  const producer = graph.producer(value);
  return producer?.op === "Square" ? producer.inputs[0] : undefined;
}

function sumOfSquaresAt(
  node: TensorflowNode,
  graph: Rewriter<TensorflowOp>,
): readonly Value[] | undefined {
  const result = resultOf(node);
  if (node.op !== "Sum" || result.shape.length > 0) return undefined;
  const x = squared(node.inputs[0] as Value, graph);
  if (x?.dtype !== "float32") return undefined;
  return [graph.emit("SumOfSquares", [x], {}, result)];
}

/**
 * Writes sums of all squares as one operation, `SumOfSquares`, which TensorFlow has (L2Loss) and tfjs has
 * not: it reads the elements once and writes no squares. These stay behind, unused.
 */
export function fuseSumsOfSquares(graph: TensorflowGraph): TensorflowGraph {
  return rewrite(graph, sumOfSquaresAt);
}
