import { ClipError } from "@clip-ts/base";
import {
  axisLength,
  embeddingSpec,
  layerNorm,
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
import {
  encoderSpec,
  mlp,
  mlpSpec,
  multiHeadAttention,
  type EncoderParams,
  type MlpParams,
} from "@clip-ts/transformer";
import { add, split, squeeze, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";

/** SigLIP's pooling head under Hugging Face's names. */
export interface AttentionHeadParams<Leaf = Tensor> {
  /** [1, 1, dim]: the query. */
  readonly probe: Leaf;
  readonly attention: {
    /** [3 · dim, dim]: query, key and value, one below the other. */
    readonly in_proj_weight: Leaf;
    /** [3 · dim] */
    readonly in_proj_bias: Leaf;
    readonly out_proj: LinearParams<Leaf>;
  };
  readonly layernorm: LayerNormParams<Leaf>;
  readonly mlp: MlpParams<Leaf>;
}

/** Spec of the head, with the deviations of the tower's own attention. */
function attentionHeadSpec(config: VitConfig): AttentionHeadParams<ParamSpec> {
  const { width } = config;
  const std = width ** -0.5;
  const attention = {
    in_proj_weight: param([3 * width, width], normal(std), "matrix"),
    in_proj_bias: param([3 * width], zeros, "bias"),
    out_proj: linearSpec(width, width, { weight: normal(std) }),
  };
  return {
    probe: param([1, 1, width], normal(std), "embedding"),
    attention: withTraits(attention, { layer: "attention" }),
    layernorm: layerNormSpec(width),
    mlp: mlpSpec(config),
  };
}

/**
 * A learned query looks at every token, and an MLP looks at what it saw (Zhai et al. 2022,
 * arXiv:2106.04560). tokens [batch, tokens, dim] → [batch, dim].
 */
export function attentionHead(
  params: AttentionHeadParams,
  tokens: Tensor,
  { heads, activation, layerNormEps }: VitConfig,
): Tensor {
  const { in_proj_weight, in_proj_bias, out_proj: output } = params.attention;
  const weights = split(in_proj_weight, 3);
  const biases = split(in_proj_bias, 3);
  const [query, key, value] = weights.map((weight, index) => ({
    weight,
    bias: biases[index] as Tensor,
  })) as [LinearParams, LinearParams, LinearParams];
  const probes = tile(params.probe, [axisLength(tokens, 0), 1, 1]);
  const projections = { query, key, value, output };
  const seen = multiHeadAttention(projections, probes, { heads, context: tokens });
  const thought = mlp(params.mlp, layerNorm(params.layernorm, seen, layerNormEps), activation);
  return squeeze(add(seen, thought), [1]);
}

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
const poolerSpec = (width: number): LinearParams<ParamSpec> => linearSpec(width, width, { weight: normal(0.02) });

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
