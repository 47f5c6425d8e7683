import { ClipError } from "@clip-ts/base";
import {
  embeddingSpec,
  layerNormSpec,
  normal,
  param,
  type EmbeddingParams,
  type LayerNormParams,
  type ParamSpec,
} from "@clip-ts/core";
import { encoderSpec, type EncoderParams } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { VisionConfig } from "./config.ts";

/** The vision tower under its published names; `pre_layrnorm` is spelled so in every checkpoint. */
export interface VisionParams<Leaf = Tensor> {
  readonly embeddings: {
    /** [dim] */
    readonly class_embedding: Leaf;
    /** weight [dim, channels, patchSize, patchSize] */
    readonly patch_embedding: { readonly weight: Leaf };
    /** weight [1 + patches, dim], the class token's position first */
    readonly position_embedding: EmbeddingParams<Leaf>;
  };
  readonly pre_layrnorm: LayerNormParams<Leaf>;
  readonly encoder: EncoderParams<Leaf>;
  readonly post_layernorm: LayerNormParams<Leaf>;
}

/** Number of patches of an image. */
export function patchCount(config: VisionConfig): number {
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
export function visionSpec(config: VisionConfig): VisionParams<ParamSpec> {
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
