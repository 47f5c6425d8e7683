import { ClipError, shownSize, sidesOf, type Sides } from "@clip-ts/base";
import {
  axisLength,
  embeddingSpec,
  layerNorm,
  layerNormSpec,
  linearSpec,
  mapTree,
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
  gatedMlpSpec,
  mlp,
  mlpSpec,
  multiHeadAttention,
  type AnyMlpParams,
  type EncoderParams,
  type MlpParams,
  type TransformerConfig,
} from "@clip-ts/transformer";
import { add, split, squeeze, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import { queryPoolOf, queryPoolsSpec, type QueryPools } from "./query-pool.ts";

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
export function attentionHeadSpec(config: TransformerConfig): AttentionHeadParams<ParamSpec> {
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
    layernorm: layerNormSpec(width, config.norms),
    mlp: mlpSpec(config),
  };
}

/**
 * A learned query looks at every token, and an MLP looks at what it saw (Zhai et al. 2022,
 * arXiv:2106.04560), or at those that a mask of `paddingMask` leaves. tokens [batch, tokens, dim] → [batch, dim].
 */
export function attentionHead(
  params: AttentionHeadParams,
  tokens: Tensor,
  { heads, activation, layerNormEps }: TransformerConfig,
  mask?: Tensor,
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
  const seen = multiHeadAttention(projections, probes, { heads, mask, context: tokens });
  const thought = mlp(params.mlp, layerNorm(params.layernorm, seen, layerNormEps), { activation, layerNormEps });
  return squeeze(add(seen, thought), [1]);
}

/**
 * A vision transformer under its published names; `pre_layrnorm` is spelled so in every checkpoint.
 * Which of the optional leaves exist, the config says.
 */
export interface VitParams<Leaf = Tensor> extends QueryPools<Leaf> {
  readonly embeddings: {
    /** [dim] */
    readonly class_embedding?: Leaf;
    /** [dim] */
    readonly distillation_embedding?: Leaf;
    /** [registers, dim] */
    readonly register_embedding?: Leaf;
    /** weight [dim, channels, height, width of a patch], bias [dim] */
    readonly patch_embedding: LinearParams<Leaf>;
    /** weight [classToken + patches, dim], the class token's position first */
    readonly position_embedding?: EmbeddingParams<Leaf>;
  };
  readonly pre_layrnorm?: LayerNormParams<Leaf>;
  readonly encoder: EncoderParams<Leaf, AnyMlpParams<Leaf>>;
  readonly post_layernorm: LayerNormParams<Leaf>;
  /** Only where "pooler" pools. */
  readonly pooler?: { readonly dense: LinearParams<Leaf> };
  readonly head?: AttentionHeadParams<Leaf>;
}

/**
 * Patches along the sides of an image. Pixels that fill no patch are left out, as PyTorch's convolution does:
 * 384 pixels are 27 patches of 14.
 * @throws ClipError "bad-config" for an image smaller than a patch, and for fixed positions on a grid that is no square.
 */
export function patchGrid({ imageSize, patchSize, positions }: VitConfig): Sides {
  const [image, patch] = [sidesOf(imageSize), sidesOf(patchSize)];
  const height = Math.floor(image.height / patch.height);
  const width = Math.floor(image.width / patch.width);
  const refuse = (message: string): never => {
    throw new ClipError("bad-config", message, { data: { imageSize, patchSize } });
  };
  if (height < 1 || width < 1) {
    const wanted = shownSize(patchSize);
    return refuse(
      `An image of ${shownSize(imageSize)} pixels is smaller than a patch of ${wanted}: choose an image size of ` +
        `at least ${wanted}, best a multiple of it.`,
    );
  }
  if (positions === "sincos" && height !== width) {
    return refuse(
      `Fixed sines and cosines are for as many rows of patches as columns, not ${height} x ${width}: learn the ` +
        "positions, or take a square.",
    );
  }
  return { height, width };
}

/** Number of patches of an image. @throws ClipError "bad-config" if there is not one. */
export function patchCount(config: VitConfig): number {
  const { height, width } = patchGrid(config);
  return height * width;
}

/** Tokens of their own that have a row in the table of positions: the class token and DeiT's second one. */
export function placedTokens({ classToken = true, distillationToken = false }: VitConfig): number {
  return (classToken ? 1 : 0) + (distillationToken ? 1 : 0);
}

/** Tokens before the patches. */
export function leadingTokens(config: VitConfig): number {
  return placedTokens(config) + (config.registerTokens ?? 0);
}

/** Spec of class token, patch embedding and positions. */
function embeddingsSpec(config: VitConfig): VitParams<ParamSpec>["embeddings"] {
  const { width, channels, patchSize, classToken = true, patchBias = false, registerTokens = 0 } = config;
  const std = width ** -0.5;
  const patch = sidesOf(patchSize);
  const fanIn = channels * patch.height * patch.width;
  const kernel = [width, channels, patch.height, patch.width];
  const places = config.positionGrid === undefined ? patchCount(config) : config.positionGrid ** 2;
  const tokens = placedTokens(config) + places;
  const isLearned = config.positions !== "sincos";
  return {
    ...(classToken && { class_embedding: param([width], normal(std), "embedding") }),
    ...(config.distillationToken === true && { distillation_embedding: param([width], normal(std), "embedding") }),
    ...(registerTokens > 0 && { register_embedding: param([registerTokens, width], normal(std), "embedding") }),
    patch_embedding: {
      weight: param(kernel, normal(fanIn ** -0.5), "embedding"),
      ...(patchBias && { bias: param([width], zeros, "bias") }),
    },
    ...(isLearned && { position_embedding: embeddingSpec(tokens, width, std) }),
  };
}

/** Length of the pooled feature. */
export const vitFeatureWidth = (config: VitConfig): number =>
  config.pooling === "queries" ? queryPoolOf(config).width : config.width;

/** The pooler's layer, started with BERT's deviation (Devlin et al. 2018). */
const poolerSpec = (width: number): LinearParams<ParamSpec> => linearSpec(width, width, { weight: normal(0.02) });

/** @throws ClipError "bad-config" if a class token that does not exist is to be pooled. */
function checkPooling({ classToken = true, pooling = "class" }: VitConfig): void {
  if (classToken || (pooling !== "class" && pooling !== "pooler")) return;
  throw new ClipError(
    "bad-config",
    'Without a class token there is none to pool: set pooling to "mean", "attention" or "queries".',
  );
}

/** Spec of the blocks, whose MLPs are of one of two kinds. */
function blocksSpec(config: VitConfig): VitParams<ParamSpec>["encoder"] {
  return encoderSpec<AnyMlpParams<ParamSpec>>(config, config.gated === true ? gatedMlpSpec(config) : undefined);
}

/**
 * Spec of the tower, started as OpenAI's: class, positions with width^-½.
 * @throws ClipError "bad-config" if a class token that does not exist is to be pooled.
 */
export function vitSpec(config: VitConfig): VitParams<ParamSpec> {
  const { width, layers, preNorm = true, pooling = "class", norms } = config;
  const end = { depth: layers }; // the last norm belongs to the last block
  const head = { depth: layers + 1 };
  checkPooling(config);
  const pooled = vitFeatureWidth(config); // of two pools the norm stands before, where both widths are equal
  const spec = {
    embeddings: withTraits(embeddingsSpec(config), { depth: 0 }),
    ...(preNorm && { pre_layrnorm: withTraits(layerNormSpec(width, norms), { depth: 0 }) }),
    encoder: blocksSpec(config),
    ...(pooling === "queries" && withTraits(queryPoolsSpec(config), head)),
    post_layernorm: withTraits(layerNormSpec(pooled, norms), end),
    ...(pooling === "pooler" && { pooler: { dense: withTraits(poolerSpec(width), head) } }),
    ...(pooling === "attention" && { head: withTraits(attentionHeadSpec(config), head) }),
  };
  return started(spec, config);
}

/** The same with the config's deviation, if it has one, for all that is drawn. */
function started(spec: VitParams<ParamSpec>, { initialDeviation: std }: VitConfig): VitParams<ParamSpec> {
  if (std === undefined) return spec;
  return mapTree<VitParams<ParamSpec>, ParamSpec, ParamSpec>(spec, (leaf) =>
    leaf.init.kind === "constant" ? leaf : { ...leaf, init: normal(std) },
  );
}
