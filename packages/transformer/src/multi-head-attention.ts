import { axisLength, dotProductAttention, linear, type LinearParams } from "@clip-ts/core";
import { reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import { singleQueryAttention } from "./single-query-attention.ts";

/** The four linear layers of an attention, whatever a checkpoint calls them. */
export interface AttentionProjections {
  readonly query: LinearParams;
  readonly key: LinearParams;
  readonly value: LinearParams;
  readonly output: LinearParams;
}

/** How tokens look at each other. */
export interface AttentionOptions {
  /** Divides the width. */
  readonly heads: number;
  /**
   * Added to the scores [batch, heads, queries, tokens] to hide tokens: [queries, tokens], or
   * [batch, 1, 1, tokens] as `paddingMask` makes it.
   */
  readonly mask?: Tensor | undefined;
  /** [batch, heads, queries, tokens]: factors on the attention weights, as dropout draws them. */
  readonly factor?: Tensor | undefined;
  /** [batch, tokens, dim]: what is looked at; the queries themselves by default. */
  readonly context?: Tensor;
}

/** [batch, tokens, dim] → [batch, heads, tokens, dim / heads]. */
function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, dim] = [axisLength(x, 0), axisLength(x, 1), axisLength(x, 2)];
  return transpose(reshape(x, [batch, tokens, heads, dim / heads]), [0, 2, 1, 3]);
}

/** [batch, heads, tokens, headDim] → [batch, tokens, heads · headDim]. */
function joinHeads(x: Tensor): Tensor {
  const joined = transpose(x, [0, 2, 1, 3]);
  return reshape(joined, [axisLength(joined, 0), axisLength(joined, 1), -1]);
}

/**
 * Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762): every query looks at every token of the
 * context that the mask allows. x [batch, queries, dim] → [batch, queries, output's length].
 */
export function multiHeadAttention(
  projections: AttentionProjections,
  x: Tensor,
  { heads, mask, factor, context = x }: AttentionOptions,
): Tensor {
  const { query, key, value, output } = projections;
  const isSingle = context !== x && axisLength(x, 1) === 1 && factor === undefined;
  if (isSingle) return singleQueryAttention(projections, x, { heads, mask, context });
  const mixed = dotProductAttention(
    splitHeads(linear(query, x), heads),
    splitHeads(linear(key, context), heads),
    splitHeads(linear(value, context), heads),
    { mask, factor },
  );
  return linear(output, joinHeads(mixed));
}
