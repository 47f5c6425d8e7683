import type { Graph, Node, Op } from "@clip-ts/jit";

/**
 * What TensorFlow's graphs are written of: all that can be traced, and what passes for TensorFlow make of it:
 * `AdamW` (fuse-adamw.ts), `Attention` (fuse-attention.ts), `Rows` (rows/fuse-rows.ts) and `SumOfSquares`.
 */
export type TensorflowOp = Op | "AdamW" | "Attention" | "Rows" | "SumOfSquares";

/** One operation on its way to TensorFlow. */
export type TensorflowNode = Node<TensorflowOp>;

/** A graph on its way to TensorFlow. */
export type TensorflowGraph = Graph<TensorflowOp>;
