import { axisLength, linear } from "@clip-ts/core";
import { add, matMul, mul, reshape, softmax, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { AttentionOptions, AttentionProjections } from "./multi-head-attention.ts";

/** A linear layer's weight head by head. [heads · headDim, dim] → [heads, headDim, dim]. */
const byHead = (weight: Tensor, heads: number): Tensor =>
  reshape(weight, [heads, -1, axisLength(weight, 1)]);

/** [batch, heads, any] ↔ [heads, batch, any]. */
const swapHeads = (x: Tensor): Tensor => transpose(x, [1, 0, 2]);

/** Scores of one query for each token and head, before the mask. → [batch, heads, tokens]. */
function scoresOf(
  { query, key }: AttentionProjections,
  x: Tensor,
  context: Tensor,
  heads: number,
): Tensor {
  const batch = axisLength(x, 0);
  const asked = swapHeads(reshape(linear(query, x), [batch, heads, -1])); // [heads, batch, headDim]
  const scaled = mul(asked, 1 / Math.sqrt(axisLength(asked, -1)));
  const asking = swapHeads(matMul(scaled, byHead(key.weight, heads))); // [batch, heads, dim]
  const scores = matMul(asking, context, false, true);
  if (key.bias === undefined) return scores;
  const shift = matMul(scaled, reshape(key.bias, [heads, -1, 1])); // [heads, batch, 1]
  return add(scores, swapHeads(shift));
}

/**
 * `multiHeadAttention` of one query for each sequence, x [batch, 1, dim], without keys and values: as
 * q · (W x) = (Wᵀ q) · x, and as the weights of a sum may be applied before a linear layer, only the query
 * and the sum go through the weights, not every token. [batch, 1, output's length].
 */
export function singleQueryAttention(
  projections: AttentionProjections,
  x: Tensor,
  { heads, mask, context = x }: Omit<AttentionOptions, "factor">,
): Tensor {
  const { value, output } = projections;
  const [batch, tokens] = [axisLength(context, 0), axisLength(context, 1)];
  const scores = reshape(scoresOf(projections, x, context, heads), [batch, heads, 1, tokens]);
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  const seen = matMul(reshape(weights, [batch, heads, tokens]), context); // [batch, heads, dim]
  const mixed = swapHeads(matMul(swapHeads(seen), byHead(value.weight, heads), false, true));
  const joined = reshape(mixed, [batch, 1, axisLength(value.weight, 0)]);
  return linear(output, value.bias === undefined ? joined : add(joined, value.bias));
}
