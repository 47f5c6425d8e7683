import {
  axisLength,
  dotProductAttention,
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  normal,
  ones,
  param,
  withTraits,
  type LayerNormParams,
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
  { heads, mask, context = x }: Pick<AttentionOptions, "heads" | "mask" | "context">,
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
  /** Norms of queries and keys in each head: weight and bias [headDim]. */
  readonly queryNorm?: LayerNormParams | undefined;
  readonly keyNorm?: LayerNormParams | undefined;
  /** [heads, 1, 1]: a gain on what each head sees. */
  readonly headScale?: Tensor | undefined;
  /** A norm of what all heads saw: weight and bias [dim]. */
  readonly innerNorm?: LayerNormParams | undefined;
}

/** How tokens look at each other. */
export interface AttentionOptions {
  /** Divides the width. */
  readonly heads: number;
  /**
   * Added to the scores [batch, heads, queries, tokens] to hide tokens: [queries, tokens], or
   * [batch, 1, 1, tokens] as `paddingMask` makes it, or any shape that broadcasts to theirs.
   */
  readonly mask?: Tensor | undefined;
  /** [batch, heads, queries, tokens]: factors on the attention weights, as dropout draws them. */
  readonly factor?: Tensor | undefined;
  /** What the scores are multiplied by; 1 / √(length of a head) by default. */
  readonly scale?: number | undefined;
  /** [batch, tokens, dim]: what is looked at; the queries themselves by default. */
  readonly context?: Tensor;
  /** Of the norms within, if there are any; 1e-5 by default. */
  readonly layerNormEps?: number;
}

/** Whether nothing but the four layers has a part in it. */
const isPlain = ({ queryNorm, keyNorm, headScale, innerNorm }: AttentionProjections): boolean =>
  [queryNorm, keyNorm, headScale, innerNorm].every((part) => part === undefined);

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
  { heads, mask, factor, scale, context = x, layerNormEps }: AttentionOptions,
): Tensor {
  const { query, key, value, output, headScale } = projections;
  const isSingle = context !== x && axisLength(x, 1) === 1 && factor === undefined && scale === undefined;
  if (isSingle && isPlain(projections)) return singleQueryAttention(projections, x, { heads, mask, context });
  const normed = (params: LayerNormParams | undefined, vectors: Tensor): Tensor =>
    params === undefined ? vectors : layerNorm(params, vectors, layerNormEps);
  const seen = dotProductAttention(
    normed(projections.queryNorm, splitHeads(linear(query, x), heads)),
    normed(projections.keyNorm, splitHeads(linear(key, context), heads)),
    splitHeads(linear(value, context), heads),
    { mask, factor, scale },
  );
  const mixed = joinHeads(headScale === undefined ? seen : mul(seen, headScale));
  return linear(output, normed(projections.innerNorm, mixed));
}

/** Four linear layers [dim, dim] with bias, and what a config asks for beside them. */
export interface SelfAttentionParams<Leaf = Tensor> {
  readonly q_proj: LinearParams<Leaf>;
  readonly k_proj: LinearParams<Leaf>;
  readonly v_proj: LinearParams<Leaf>;
  readonly out_proj: LinearParams<Leaf>;
  readonly q_norm?: LayerNormParams<Leaf>;
  readonly k_norm?: LayerNormParams<Leaf>;
  /** [heads, 1, 1] */
  readonly head_scale?: Leaf;
  readonly inner_norm?: LayerNormParams<Leaf>;
}

/** Starting deviations of OpenAI's CLIP: width^-½ inside, shrunk by √(2 · layers) on the way out. */
export function selfAttentionSpec(config: TransformerConfig): SelfAttentionParams<ParamSpec> {
  const { width, layers } = config;
  const inward = (): LinearParams<ParamSpec> => linearSpec(width, width, { weight: normal(width ** -0.5) });
  const outward = linearSpec(width, width, { weight: normal((width * 2 * layers) ** -0.5) });
  const maps = { q_proj: inward(), k_proj: inward(), v_proj: inward(), out_proj: outward };
  return withTraits({ ...maps, ...extrasSpec(config) }, { layer: "attention" });
}

/** Spec of what the config asks for beside the four layers; starts without any effect but the norms'. */
function extrasSpec(config: TransformerConfig): Partial<SelfAttentionParams<ParamSpec>> {
  const { width, heads, norms, queryKeyNorm = false, headScale = false, innerNorm = false } = config;
  const ofHead = layerNormSpec(width / heads, norms);
  return {
    ...(queryKeyNorm && { q_norm: ofHead, k_norm: ofHead }),
    ...(headScale && { head_scale: param([heads, 1, 1], ones, "scale") }),
    ...(innerNorm && { inner_norm: layerNormSpec(width, norms) }),
  };
}

/**
 * Multi-head self-attention under CLIP's names: every token of x, which may be some of the context's,
 * looks at every token the mask allows. x [batch, tokens, dim] → same; see `multiHeadAttention`.
 */
export function selfAttention(params: SelfAttentionParams, x: Tensor, options: AttentionOptions): Tensor {
  const { q_proj: query, k_proj: key, v_proj: value, out_proj: output } = params;
  const { q_norm: queryNorm, k_norm: keyNorm, head_scale: headScale, inner_norm: innerNorm } = params;
  const projections = { query, key, value, output, queryNorm, keyNorm, headScale, innerNorm };
  return multiHeadAttention(projections, x, options);
}
