import { add, matMul, mul, softmax, type Tensor } from "@tensorflow/tfjs-core";
import { axisLength } from "./shape.ts";

/** What changes an attention's weights; both broadcast to [batch, heads, queries, tokens]. */
export interface AttentionChanges {
  /** Added to the scores: its large negative entries hide a key from a query. */
  readonly mask?: Tensor | undefined;
  /** Multiplied with the weights after the softmax, as dropout does. */
  readonly factor?: Tensor | undefined;
}

/**
 * softmax(queries · keysᵀ / √headDim + mask) · factor · values (Vaswani et al. 2017, arXiv:1706.03762).
 * queries [batch, heads, queries, headDim], keys, values [batch, heads, tokens, headDim] → as queries.
 */
export function dotProductAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  { mask, factor }: AttentionChanges = {},
): Tensor {
  const scaled = mul(queries, 1 / Math.sqrt(axisLength(queries, -1)));
  const scores = matMul(scaled, keys, false, true); // [batch, heads, queries, tokens]
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  return matMul(factor === undefined ? weights : mul(weights, factor), values);
}
