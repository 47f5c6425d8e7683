import { attention } from "./fuse-attention.ts";
import type { TensorflowOp } from "./graph.ts";
import { adamw } from "./lower-adamw.ts";
import { arithmetic } from "./lower-elementwise.ts";
import { reductions, sumOfSquares } from "./lower-reductions.ts";
import { structural } from "./lower-structure.ts";
import { windowed } from "./lower-windows.ts";
import type { Lowering } from "./lowering.ts";
import { rows } from "./rows/lower-rows.ts";

/** How each operation that can be traced is written for TensorFlow, and those that passes make of them. */
export const lowerings: Readonly<Record<TensorflowOp, Lowering>> = {
  ...arithmetic,
  ...reductions,
  ...structural,
  ...windowed,
  AdamW: adamw,
  Attention: attention,
  Rows: rows,
  SumOfSquares: sumOfSquares,
};
