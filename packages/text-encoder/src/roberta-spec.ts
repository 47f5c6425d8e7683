import {
  embeddingSpec,
  layerNormSpec,
  linearSpec,
  normal,
  withTraits,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { RobertaTextConfig } from "./config.ts";

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

/** RoBERTa under its published names. */
export interface RobertaTextParams<Leaf = Tensor> {
  readonly embeddings: {
    /** weight [vocab, dim] */
    readonly word_embeddings: EmbeddingParams<Leaf>;
    /** weight [padTokenId + 1 + contextLength, dim]: no caption's token has the first positions */
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

function layerSpec({ width, mlpWidth }: RobertaTextConfig): RobertaLayerParams<ParamSpec> {
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

/** Spec of the tower; every weight starts with deviation 0.02 (Devlin et al. 2018). */
export function robertaTextSpec(config: RobertaTextConfig): RobertaTextParams<ParamSpec> {
  const { vocabSize, contextLength, padTokenId, tokenTypes, width, layers, pooling } = config;
  const embeddings = {
    word_embeddings: embeddingSpec(vocabSize, width, std),
    position_embeddings: embeddingSpec(padTokenId + 1 + contextLength, width, std),
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
