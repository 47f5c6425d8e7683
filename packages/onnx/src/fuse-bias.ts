import type { Node, Value } from "@clip-ts/jit";
import { resultOf, rewrite, type Rewriter } from "@clip-ts/jit/backend";
import type { OnnxGraph, OnnxOp } from "./lowering.ts";

/** Values that exactly one operation reads and that are no outputs. */
function readOnce({ nodes, outputs }: OnnxGraph): ReadonlySet<number> {
  const counts = new Map<number, number>();
  const read = [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)];
  for (const { id } of read) counts.set(id, (counts.get(id) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count === 1).map(([id]) => id));
}

function biasedProduct(
  node: Node<OnnxOp>,
  graph: Rewriter<OnnxOp>,
  once: ReadonlySet<number>,
): Value | undefined {
  const [sum, bias] = node.inputs;
  const product = node.op === "Add" && sum !== undefined ? graph.producer(sum) : undefined;
  if (product?.op !== "BatchMatMul" || !once.has(sum!.id)) return undefined;
  const isMatrices = product.inputs.every(({ shape }) => shape.length === 2);
  const isRow = bias?.shape.length === 1 && bias.shape[0] === sum!.shape[1];
  if (!isMatrices || !isRow) return undefined;
  const operands = [...product.inputs, bias];
  return graph.emit("BatchMatMul", operands, product.attributes, resultOf(node));
}

/**
 * Hands products of two matrices the bias that is added to them, as a third operand: ONNX's Gemm starts its
 * sums there, so that the product is not walked through again.
 */
export function fuseBiases(graph: OnnxGraph): OnnxGraph {
  const once = readOnce(graph);
  return rewrite(graph, (node, rewriter) => {
    const value = biasedProduct(node, rewriter, once);
    return value === undefined ? undefined : [value];
  });
}
