import { add, matMul, mul, softmax, type Tensor } from "@tensorflow/tfjs-core";
import { axisLength } from "./shape.ts";

/**
 * softmax(queries · keysᵀ / √headDim + mask) · values (Vaswani et al. 2017, arXiv:1706.03762).
 * queries [batch, heads, queries, headDim], keys, values [batch, heads, tokens, headDim] → as queries. The
 * mask, which broadcasts to [batch, heads, queries, tokens], is added to the scores: its large negative
 * entries hide a key from a query.
 */
export function dotProductAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  mask?: Tensor,
): Tensor {
  const scaled = mul(queries, 1 / Math.sqrt(axisLength(queries, -1)));
  const scores = matMul(scaled, keys, false, true); // [batch, heads, queries, tokens]
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  return matMul(weights, values);
}
