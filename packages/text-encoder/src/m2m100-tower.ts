import {
  embed,
  embeddingSpec,
  layerNorm,
  layerNormSpec,
  linearSpec,
  normal,
  withTraits,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import {
  mlp,
  paddingMask,
  runBlocks,
  selfAttention,
  withDropout,
  type BlockInputs,
  type SelfAttentionParams,
} from "@clip-ts/transformer";
import { add, mul, tensor2d, type Tensor } from "@tensorflow/tfjs-core";
import { maskPadding, poolTokens, positionsOf } from "./captions.ts";
import type { EncodedText, M2m100TextConfig, TextOptions } from "./config.ts";
import { stackDropout } from "./dropout.ts";

/** One pre-norm block under its published names. */
export interface M2m100LayerParams<Leaf = Tensor> {
  readonly self_attn: SelfAttentionParams<Leaf>;
  readonly self_attn_layer_norm: LayerNormParams<Leaf>;
  readonly fc1: LinearParams<Leaf>;
  readonly fc2: LinearParams<Leaf>;
  /** The norm before the MLP, in spite of its name. */
  readonly final_layer_norm: LayerNormParams<Leaf>;
}

/** The encoder of M2M-100 and NLLB under its published names. */
export interface M2m100TextParams<Leaf = Tensor> {
  /** weight [vocab, dim] */
  readonly embed_tokens: EmbeddingParams<Leaf>;
  readonly layers: readonly M2m100LayerParams<Leaf>[];
  readonly layer_norm: LayerNormParams<Leaf>;
}

/** The starting deviation of every weight. */
const std = 0.02;

const dense = (inputs: number, outputs: number): LinearParams<ParamSpec> =>
  linearSpec(inputs, outputs, { weight: normal(std) });

function layerSpec({ width, mlpWidth }: M2m100TextConfig): M2m100LayerParams<ParamSpec> {
  const square = (): LinearParams<ParamSpec> => dense(width, width);
  const attention = { q_proj: square(), k_proj: square(), v_proj: square(), out_proj: square() };
  return {
    self_attn: withTraits(attention, { layer: "attention" }),
    self_attn_layer_norm: layerNormSpec(width),
    fc1: withTraits(dense(width, mlpWidth), { layer: "mlp" }),
    fc2: withTraits(dense(mlpWidth, width), { layer: "mlp" }),
    final_layer_norm: layerNormSpec(width),
  };
}

/** Spec of the tower; every weight starts with deviation 0.02, as transformers has it. */
export function m2m100TextSpec(config: M2m100TextConfig): M2m100TextParams<ParamSpec> {
  const { vocabSize, width, layers } = config;
  const layer = (_: unknown, index: number): M2m100LayerParams<ParamSpec> =>
    withTraits(layerSpec(config), { depth: index + 1 });
  return {
    embed_tokens: withTraits(embeddingSpec(vocabSize, width, std), { depth: 0 }),
    layers: Array.from({ length: layers }, layer),
    layer_norm: withTraits(layerNormSpec(width), { depth: layers }),
  };
}

/** Longest wave, divided by 2π. */
const longestWave = 10_000;

/**
 * Sines in the first half of a row, cosines in the second (fairseq's variant of Vaswani et al. 2017: the last wave
 * is just the longest), in 32 bits as PyTorch makes them; the row of padding is 0. → [rows, dim] in one array.
 */
function sinusoids(rows: number, { width, padTokenId }: M2m100TextConfig): Float32Array {
  const half = Math.floor(width / 2);
  const step = Math.fround(-Math.log(longestWave) / (half - 1));
  const frequencies = Float32Array.from({ length: half }, (_, wave) => Math.exp(Math.fround(wave * step)));
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    if (row === padTokenId) continue;
    frequencies.forEach((frequency, wave) => {
      const angle = Math.fround(row * frequency);
      values[row * width + wave] = Math.sin(angle);
      values[row * width + half + wave] = Math.cos(angle);
    });
  }
  return values;
}

/** Scaled words and the positions that are counted behind padding's id. ids [batch, tokens] → [batch, tokens, dim]. */
function embedWords({ embed_tokens }: M2m100TextParams, ids: Tensor, config: M2m100TextConfig): Tensor {
  const { width, padTokenId, contextLength } = config;
  const rows = padTokenId + 1 + contextLength;
  const table = { weight: tensor2d(sinusoids(rows, config), [rows, width]) };
  const words = mul(embed(embed_tokens, ids), Math.sqrt(width));
  return add(words, embed(table, positionsOf(ids, padTokenId)));
}

/** x + attention(norm(x)), then the same with the MLP; parts of what is added may be dropped. */
function runLayer(
  layer: M2m100LayerParams,
  x: Tensor,
  config: M2m100TextConfig,
  { mask, weights, attended, thought }: BlockInputs,
): Tensor {
  const { heads, layerNormEps } = config;
  const normed = layerNorm(layer.self_attn_layer_norm, x, layerNormEps);
  const looked = selfAttention(layer.self_attn, normed, { heads, mask, factor: weights });
  const first = add(x, withDropout(looked, attended));
  const made = mlp(layer, layerNorm(layer.final_layer_norm, first, layerNormEps), config);
  return add(first, withDropout(made, thought));
}

/**
 * The encoder of M2M-100 (Fan et al. 2020, arXiv:2010.11125), and so of NLLB. ids [batch, tokens] int32; the
 * attention mask is 1 where a token may be seen, by default wherever it is no padding. Nothing is dropped unless
 * the options say what.
 */
export function encodeM2m100(
  params: M2m100TextParams,
  ids: Tensor,
  config: M2m100TextConfig,
  options: TextOptions = {},
): EncodedText {
  const { attentionMask = maskPadding(ids, config.padTokenId), checkpoint } = options;
  const dropout = stackDropout(config, ids, options);
  const encoded = runBlocks(
    params.layers,
    withDropout(embedWords(params, ids, config), dropout.embedded),
    (layer, hidden, inputs) => runLayer(layer, hidden, config, inputs),
    { mask: paddingMask(attentionMask), checkpoint, dropout: dropout.blocks },
  );
  const lastHidden = layerNorm(params.layer_norm, encoded, config.layerNormEps);
  return { pooled: poolTokens(config.pooling, lastHidden, attentionMask), lastHidden };
}
