import { ClipError } from "@clip-ts/base";
import {
  embeddingSpec,
  layerNormSpec,
  linearSpec,
  normal,
  param,
  withTraits,
  zeros,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { encoderSpec, type EncoderParams } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import { attentionHeadSpec, type AttentionHeadParams } from "./attention-head.ts";

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
  /** Only where "pooler" pools. */
  readonly pooler?: { readonly dense: LinearParams<Leaf> };
  readonly head?: AttentionHeadParams<Leaf>;
}

/**
 * Patches along a side of an image. Pixels that fill no patch are left out, as PyTorch's convolution does:
 * 384 pixels are 27 patches of 14.
 * @throws ClipError "bad-config" for an image smaller than a patch.
 */
export function patchGrid({ imageSize, patchSize }: VitConfig): number {
  const side = Math.floor(imageSize / patchSize);
  if (side >= 1) return side;
  throw new ClipError(
    "bad-config",
    `An image of ${imageSize} pixels is smaller than a patch of ${patchSize}: choose an image size of ` +
      `at least ${patchSize}, best a multiple of it.`,
    { data: { imageSize, patchSize } },
  );
}

/** Number of patches of an image. @throws ClipError "bad-config" if there is not one. */
export function patchCount(config: VitConfig): number {
  return patchGrid(config) ** 2;
}

/** Spec of class token, patch embedding and positions. */
function embeddingsSpec(config: VitConfig): VitParams<ParamSpec>["embeddings"] {
  const { width, channels, patchSize, classToken = true, patchBias = false } = config;
  const std = width ** -0.5;
  const fanIn = channels * patchSize * patchSize;
  const kernel = [width, channels, patchSize, patchSize];
  const tokens = (classToken ? 1 : 0) + patchCount(config);
  const isLearned = config.positions !== "sincos";
  return {
    ...(classToken && { class_embedding: param([width], normal(std), "embedding") }),
    patch_embedding: {
      weight: param(kernel, normal(fanIn ** -0.5), "embedding"),
      ...(patchBias && { bias: param([width], zeros, "bias") }),
    },
    ...(isLearned && { position_embedding: embeddingSpec(tokens, width, std) }),
  };
}

/** The pooler's layer, started with BERT's deviation (Devlin et al. 2018). */
const poolerSpec = (width: number): LinearParams<ParamSpec> =>
  linearSpec(width, width, { weight: normal(0.02) });

/**
 * Spec of the tower, started as OpenAI's: class, positions with width^-½.
 * @throws ClipError "bad-config" if a class token that does not exist is to be pooled.
 */
export function vitSpec(config: VitConfig): VitParams<ParamSpec> {
  const { width, layers, classToken = true, preNorm = true, pooling = "class" } = config;
  const end = { depth: layers }; // the last norm belongs to the last block
  const head = { depth: layers + 1 };
  if (!classToken && (pooling === "class" || pooling === "pooler")) {
    throw new ClipError(
      "bad-config",
      'Without a class token there is none to pool: set pooling to "mean" or "attention".',
    );
  }
  return {
    embeddings: withTraits(embeddingsSpec(config), { depth: 0 }),
    ...(preNorm && { pre_layrnorm: withTraits(layerNormSpec(width), { depth: 0 }) }),
    encoder: encoderSpec(config),
    post_layernorm: withTraits(layerNormSpec(width), end),
    ...(pooling === "pooler" && { pooler: { dense: withTraits(poolerSpec(width), head) } }),
    ...(pooling === "attention" && { head: withTraits(attentionHeadSpec(config), head) }),
  };
}
