import {
  activate,
  axisLength,
  embed,
  embeddingSpec,
  linear,
  linearSpec,
  normal,
  ones,
  param,
  withTraits,
  type EmbeddingParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { multiHeadAttention, paddingMask, runBlocks } from "@clip-ts/transformer";
import { add, mean, mul, rsqrt, square, type Tensor } from "@tensorflow/tfjs-core";
import { maskPadding, poolTokens } from "./captions.ts";
import type { EncodedText, Mt5TextConfig, TextOptions } from "./config.ts";
import { relativeBias } from "./relative-bias.ts";

/** A gain without a shift: weight [dim]. */
interface GainParams<Leaf> {
  readonly weight: Leaf;
}

interface AttentionParams<Leaf> {
  readonly layer_norm: GainParams<Leaf>;
  readonly SelfAttention: {
    /** weights [heads · headDim, dim] */
    readonly q: LinearParams<Leaf>;
    readonly k: LinearParams<Leaf>;
    readonly v: LinearParams<Leaf>;
    /** weight [dim, heads · headDim] */
    readonly o: LinearParams<Leaf>;
    /** weight [buckets, heads]; only in the first block, whose bias all share */
    readonly relative_attention_bias?: EmbeddingParams<Leaf>;
  };
}

interface MlpParams<Leaf> {
  readonly layer_norm: GainParams<Leaf>;
  readonly DenseReluDense: {
    readonly wi_0: LinearParams<Leaf>;
    readonly wi_1: LinearParams<Leaf>;
    readonly wo: LinearParams<Leaf>;
  };
}

/** One pre-norm block under its published names. */
export interface Mt5BlockParams<Leaf = Tensor> {
  readonly layer: { readonly 0: AttentionParams<Leaf>; readonly 1: MlpParams<Leaf> };
}

/** mT5's encoder under its published names. */
export interface Mt5TextParams<Leaf = Tensor> {
  /** weight [vocab, dim] */
  readonly embed_tokens: EmbeddingParams<Leaf>;
  readonly block: readonly Mt5BlockParams<Leaf>[];
  readonly final_layer_norm: GainParams<Leaf>;
}

const gainSpec = (width: number): GainParams<ParamSpec> => ({ weight: param([width], ones, "norm") });

const matrix = (inputs: number, outputs: number, std = inputs ** -0.5): LinearParams<ParamSpec> =>
  linearSpec(inputs, outputs, { weight: normal(std), bias: false });

function blockSpec(config: Mt5TextConfig, isFirst: boolean): Mt5BlockParams<ParamSpec> {
  const { width, heads, headDim, mlpWidth, buckets } = config;
  const joined = heads * headDim;
  const attention = {
    q: matrix(width, joined, (width * headDim) ** -0.5),
    k: matrix(width, joined),
    v: matrix(width, joined),
    o: matrix(joined, width),
    ...(isFirst && { relative_attention_bias: embeddingSpec(buckets, heads, width ** -0.5) }),
  };
  const hidden = { wi_0: matrix(width, mlpWidth), wi_1: matrix(width, mlpWidth), wo: matrix(mlpWidth, width) };
  return {
    layer: {
      0: { layer_norm: gainSpec(width), SelfAttention: withTraits(attention, { layer: "attention" }) },
      1: { layer_norm: gainSpec(width), DenseReluDense: withTraits(hidden, { layer: "mlp" }) },
    },
  };
}

/** Spec of the tower, started as T5: queries smaller by √headDim, as nothing scales the scores; words with 1. */
export function mt5TextSpec(config: Mt5TextConfig): Mt5TextParams<ParamSpec> {
  const { vocabSize, width, layers } = config;
  return {
    embed_tokens: withTraits(embeddingSpec(vocabSize, width, 1), { depth: 0 }),
    block: Array.from({ length: layers }, (_, index) =>
      withTraits(blockSpec(config, index === 0), { depth: index + 1 }),
    ),
    final_layer_norm: withTraits(gainSpec(width), { depth: layers }),
  };
}

/** x / √(mean of x² + eps) · weight over the last axis (Zhang & Sennrich 2019, arXiv:1910.07467). [..., dim] → same. */
function rmsNorm({ weight }: GainParams<Tensor>, x: Tensor, eps: number): Tensor {
  return mul(mul(x, rsqrt(add(mean(square(x), -1, true), eps))), weight);
}

/** x + attention(norm(x)), then the same with a gated MLP (Shazeer 2020, arXiv:2002.05202). x [batch, tokens, dim] → same. */
function runBlock(
  { layer: { 0: looking, 1: thinking } }: Mt5BlockParams,
  x: Tensor,
  { heads, activation, layerNormEps }: Mt5TextConfig,
  mask: Tensor,
): Tensor {
  const { q: query, k: key, v: value, o: output } = looking.SelfAttention;
  const normed = rmsNorm(looking.layer_norm, x, layerNormEps);
  const looked = add(x, multiHeadAttention({ query, key, value, output }, normed, { heads, mask, scale: 1 }));
  const { wi_0: gate, wi_1: up, wo: down } = thinking.DenseReluDense;
  const seen = rmsNorm(thinking.layer_norm, looked, layerNormEps);
  return add(looked, linear(down, mul(activate(activation, linear(gate, seen)), linear(up, seen))));
}

/**
 * mT5's encoder (Xue et al. 2020, arXiv:2010.11934). ids [batch, tokens] int32; the attention mask is 1 where a
 * token may be seen, by default wherever it is no padding.
 */
export function encodeMt5(
  params: Mt5TextParams,
  ids: Tensor,
  config: Mt5TextConfig,
  options: TextOptions = {},
): EncodedText {
  const { attentionMask = maskPadding(ids, config.padTokenId), checkpoint } = options;
  const table = params.block[0]?.layer[0].SelfAttention.relative_attention_bias;
  const bias = table && relativeBias(table, axisLength(ids, 1), config);
  // The bias has a gradient, so each block gets it beside its parameters; masks have none.
  const blocks = params.block.map((block) => ({ block, ...(bias !== undefined && { bias }) }));
  const encoded = runBlocks(
    blocks,
    embed(params.embed_tokens, ids),
    (given, hidden, { mask }) => {
      const hides = mask as Tensor;
      return runBlock(given.block, hidden, config, given.bias === undefined ? hides : add(given.bias, hides));
    },
    { mask: paddingMask(attentionMask), checkpoint },
  );
  const lastHidden = rmsNorm(params.final_layer_norm, encoded, config.layerNormEps);
  return { pooled: poolTokens(config.pooling, lastHidden, attentionMask), lastHidden };
}
