import {
  axisLength,
  dotProductAttention,
  linear,
  linearSpec,
  normal,
  withTraits,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { add, cast, matMul, mul, reshape, softmax, sub, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./block.ts";

/** Low enough that softmax gives exactly 0, high enough that sums with it stay finite. */
const hidden = -1e9;

/**
 * Hides padding from every query. attentionMask [batch, tokens], 1 for tokens and 0 for padding →
 * [batch, 1, 1, tokens], to be added to attention scores.
 */
export function paddingMask(attentionMask: Tensor): Tensor {
  const [batch, tokens] = [axisLength(attentionMask, 0), axisLength(attentionMask, 1)];
  const scores = mul(sub(1, cast(attentionMask, "float32")), hidden);
  return reshape(scores, [batch, 1, 1, tokens]);
}

/** A linear layer's weight head by head. [heads · headDim, dim] → [heads, headDim, dim]. */
const byHead = (weight: Tensor, heads: number): Tensor => reshape(weight, [heads, -1, axisLength(weight, 1)]);

/** [batch, heads, any] ↔ [heads, batch, any]. */
const swapHeads = (x: Tensor): Tensor => transpose(x, [1, 0, 2]);

/** Scores of one query for each token and head, before the mask. → [batch, heads, tokens]. */
function scoresOf({ query, key }: AttentionProjections, x: Tensor, context: Tensor, heads: number): Tensor {
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
function singleQueryAttention(
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

/** Four linear layers [dim, dim] with bias. */
export interface SelfAttentionParams<Leaf = Tensor> {
  readonly q_proj: LinearParams<Leaf>;
  readonly k_proj: LinearParams<Leaf>;
  readonly v_proj: LinearParams<Leaf>;
  readonly out_proj: LinearParams<Leaf>;
}

/** Starting deviations of OpenAI's CLIP: width^-½ inside, shrunk by √(2 · layers) on the way out. */
export function selfAttentionSpec(config: TransformerConfig): SelfAttentionParams<ParamSpec> {
  const { width, layers } = config;
  const inward = (): LinearParams<ParamSpec> => linearSpec(width, width, { weight: normal(width ** -0.5) });
  const outward = linearSpec(width, width, { weight: normal((width * 2 * layers) ** -0.5) });
  const maps = { q_proj: inward(), k_proj: inward(), v_proj: inward(), out_proj: outward };
  return withTraits(maps, { layer: "attention" });
}

/**
 * Multi-head self-attention under CLIP's names: every token of x, which may be some of the context's,
 * looks at every token the mask allows. x [batch, tokens, dim] → same; see `multiHeadAttention`.
 */
export function selfAttention(params: SelfAttentionParams, x: Tensor, options: AttentionOptions): Tensor {
  const { q_proj: query, k_proj: key, v_proj: value, out_proj: output } = params;
  return multiHeadAttention({ query, key, value, output }, x, options);
}
