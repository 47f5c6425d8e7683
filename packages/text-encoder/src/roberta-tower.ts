import {
  axisLength,
  embed,
  embeddingSpec,
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  normal,
  withTraits,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { paddingMask, postNormBlock, runBlocks, withDropout, type PostNormParts } from "@clip-ts/transformer";
import { add, slice, tanh, type Tensor } from "@tensorflow/tfjs-core";
import { maskPadding, poolFirstToken, poolTokens, positionsOf } from "./captions.ts";
import type { BertFamilyConfig, EncodedText, TextOptions } from "./config.ts";
import { stackDropout } from "./dropout.ts";

/** A linear layer back to the residual stream and the norm after the sum. */
interface ResidualOutput<Leaf> {
  readonly dense: LinearParams<Leaf>;
  readonly LayerNorm: LayerNormParams<Leaf>;
}

/** One post-norm block under BERT's names. */
export interface RobertaLayerParams<Leaf = Tensor> {
  readonly attention: {
    readonly self: {
      readonly query: LinearParams<Leaf>;
      readonly key: LinearParams<Leaf>;
      readonly value: LinearParams<Leaf>;
    };
    readonly output: ResidualOutput<Leaf>;
  };
  readonly intermediate: { readonly dense: LinearParams<Leaf> };
  readonly output: ResidualOutput<Leaf>;
}

/** BERT and RoBERTa under their published names. */
export interface RobertaTextParams<Leaf = Tensor> {
  readonly embeddings: {
    /** weight [vocab, dim] */
    readonly word_embeddings: EmbeddingParams<Leaf>;
    /** weight [contextLength, dim]; in RoBERTa [padTokenId + 1 + contextLength, dim], see `leadingRows` */
    readonly position_embeddings: EmbeddingParams<Leaf>;
    /** weight [tokenTypes, dim] */
    readonly token_type_embeddings: EmbeddingParams<Leaf>;
    readonly LayerNorm: LayerNormParams<Leaf>;
  };
  readonly encoder: { readonly layer: readonly RobertaLayerParams<Leaf>[] };
  /** Only where "pooler" pools. */
  readonly pooler?: { readonly dense: LinearParams<Leaf> };
}

/** BERT's starting deviation of every weight. */
const std = 0.02;

const dense = (inputs: number, outputs: number): LinearParams<ParamSpec> =>
  linearSpec(inputs, outputs, { weight: normal(std) });

function layerSpec({ width, mlpWidth }: BertFamilyConfig): RobertaLayerParams<ParamSpec> {
  const attention = {
    self: { query: dense(width, width), key: dense(width, width), value: dense(width, width) },
    output: { dense: dense(width, width), LayerNorm: layerNormSpec(width) },
  };
  const output = { dense: dense(mlpWidth, width), LayerNorm: layerNormSpec(width) };
  return {
    attention: withTraits(attention, { layer: "attention" }),
    intermediate: { dense: withTraits(dense(width, mlpWidth), { layer: "mlp" }) },
    output: withTraits(output, { layer: "mlp" }),
  };
}

/** Rows before the first that a caption's token has: in RoBERTa those of the ids up to padding, in BERT none. */
function leadingRows({ kind, padTokenId }: BertFamilyConfig): number {
  return kind === "bert" ? 0 : padTokenId + 1;
}

/** Spec of the tower; every weight starts with deviation 0.02 (Devlin et al. 2018). */
export function robertaTextSpec(config: BertFamilyConfig): RobertaTextParams<ParamSpec> {
  const { vocabSize, contextLength, tokenTypes, width, layers, pooling } = config;
  const embeddings = {
    word_embeddings: embeddingSpec(vocabSize, width, std),
    position_embeddings: embeddingSpec(leadingRows(config) + contextLength, width, std),
    token_type_embeddings: embeddingSpec(tokenTypes, width, std),
    LayerNorm: layerNormSpec(width),
  };
  const layer = (_: unknown, index: number): RobertaLayerParams<ParamSpec> =>
    withTraits(layerSpec(config), { depth: index + 1 });
  const pooler = { dense: withTraits(dense(width, width), { depth: layers + 1 }) };
  return {
    embeddings: withTraits(embeddings, { depth: 0 }),
    encoder: { layer: Array.from({ length: layers }, layer) },
    ...(pooling === "pooler" ? { pooler } : {}),
  };
}

/** The position of each token as a vector: by its place in the row, or as `positionsOf` counts. */
function embedPositions(table: EmbeddingParams, ids: Tensor, { kind, padTokenId, width }: BertFamilyConfig): Tensor {
  if (kind === "bert") return slice(table.weight, [0, 0], [axisLength(ids, 1), width]); // [tokens, dim]
  return embed(table, positionsOf(ids, padTokenId));
}

/** Words, positions and type 0, normed. ids [batch, tokens] → [batch, tokens, dim]. */
function embedWords({ embeddings }: RobertaTextParams, ids: Tensor, config: BertFamilyConfig): Tensor {
  const words = embed(embeddings.word_embeddings, ids);
  const positions = embedPositions(embeddings.position_embeddings, ids, config);
  const firstType = slice(embeddings.token_type_embeddings.weight, [0, 0], [1, config.width]);
  return layerNorm(embeddings.LayerNorm, add(add(words, firstType), positions), config.layerNormEps);
}

/** A block's parts under the names of `postNormBlock`. */
function partsOf({ attention, intermediate, output }: RobertaLayerParams): PostNormParts {
  return {
    attention: { ...attention.self, output: attention.output.dense },
    attentionNorm: attention.output.LayerNorm,
    mlp: { fc1: intermediate.dense, fc2: output.dense },
    mlpNorm: output.LayerNorm,
  };
}

function pool(params: RobertaTextParams, hidden: Tensor, mask: Tensor, { pooling }: BertFamilyConfig): Tensor {
  if (pooling === "pooler") return tanh(linear(params.pooler!.dense, poolFirstToken(hidden)));
  return poolTokens(pooling, hidden, mask);
}

/**
 * BERT (Devlin et al. 2018, arXiv:1810.04805) or RoBERTa (Liu et al. 2019, arXiv:1907.11692), which differ
 * in how positions are counted. ids [batch, tokens] int32; the attention mask is 1 where a
 * token may be seen, by default wherever it is no padding. Nothing is dropped unless the options say what.
 */
export function encodeRoberta(
  params: RobertaTextParams,
  ids: Tensor,
  config: BertFamilyConfig,
  options: TextOptions = {},
): EncodedText {
  const { attentionMask = maskPadding(ids, config.padTokenId), checkpoint } = options;
  const dropout = stackDropout(config, ids, options);
  const lastHidden = runBlocks(
    params.encoder.layer,
    withDropout(embedWords(params, ids, config), dropout.embedded),
    (layer, hidden, inputs) => postNormBlock(partsOf(layer), hidden, config, inputs),
    { mask: paddingMask(attentionMask), checkpoint, dropout: dropout.blocks },
  );
  return { pooled: pool(params, lastHidden, attentionMask, config), lastHidden };
}
