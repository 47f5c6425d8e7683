import { ClipError } from "@clip-ts/base";
import {
  embeddingSpec,
  layerNormSpec,
  normal,
  param,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { encoderSpec, type EncoderParams } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";

/**
 * A vision transformer under its published names; `pre_layrnorm` is spelled so in every checkpoint.
 * Which of the optional leaves exist, the config says.
 */
export interface VitParams<Leaf = Tensor> {
  readonly embeddings: {
    /** [dim] */
    readonly class_embedding?: Leaf;
    /** weight [dim, channels, patchSize, patchSize], bias [dim] */
    readonly patch_embedding: LinearParams<Leaf>;
    /** weight [classToken + patches, dim], the class token's position first */
    readonly position_embedding?: EmbeddingParams<Leaf>;
  };
  readonly pre_layrnorm?: LayerNormParams<Leaf>;
  readonly encoder: EncoderParams<Leaf>;
  readonly post_layernorm: LayerNormParams<Leaf>;
}

/** Number of patches of an image. */
export function patchCount(config: VitConfig): number {
  const { imageSize, patchSize } = config;
  if (imageSize % patchSize !== 0) {
    throw new ClipError(
      "bad-config",
      `An image of ${imageSize} pixels cannot be cut into patches of ${patchSize}: ` +
        "choose an image size that is a multiple of the patch size.",
      { data: { imageSize, patchSize } },
    );
  }
  return (imageSize / patchSize) ** 2;
}

/** Spec of the tower, started as OpenAI's: class, positions with width^-½. */
export function vitSpec(config: VitConfig): VitParams<ParamSpec> {
  const { width, channels, patchSize } = config;
  const std = width ** -0.5;
  const fanIn = channels * patchSize * patchSize;
  const kernel = [width, channels, patchSize, patchSize];
  return {
    embeddings: {
      class_embedding: param([width], normal(std)),
      patch_embedding: { weight: param(kernel, normal(fanIn ** -0.5)) },
      position_embedding: embeddingSpec(1 + patchCount(config), width, std),
    },
    pre_layrnorm: layerNormSpec(width),
    encoder: encoderSpec(config),
    post_layernorm: layerNormSpec(width),
  };
}
