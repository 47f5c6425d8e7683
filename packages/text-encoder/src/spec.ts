import {
  embeddingSpec,
  layerNormSpec,
  type EmbeddingParams,
  type LayerNormParams,
  type ParamSpec,
} from "@clip-ts/core";
import { encoderSpec, type EncoderParams } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { TextConfig } from "./config.ts";

/** The text tower under its published names. */
export interface TextParams<Leaf = Tensor> {
  readonly embeddings: {
    /** weight [vocab, dim] */
    readonly token_embedding: EmbeddingParams<Leaf>;
    /** weight [contextLength, dim] */
    readonly position_embedding: EmbeddingParams<Leaf>;
  };
  readonly encoder: EncoderParams<Leaf>;
  readonly final_layer_norm: LayerNormParams<Leaf>;
}

/** Spec of the tower, started as OpenAI's: tokens with deviation 0.02, positions with 0.01. */
export function textSpec(config: TextConfig): TextParams<ParamSpec> {
  const { width, vocabSize, contextLength } = config;
  return {
    embeddings: {
      token_embedding: embeddingSpec(vocabSize, width, 0.02),
      position_embedding: embeddingSpec(contextLength, width, 0.01),
    },
    encoder: encoderSpec(config),
    final_layer_norm: layerNormSpec(width),
  };
}
