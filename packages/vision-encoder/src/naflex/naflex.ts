import { ClipError } from "@clip-ts/base";
import {
  embeddingSpec,
  layerNorm,
  layerNormSpec,
  linear,
  mapTree,
  normal,
  param,
  uniform,
  withTraits,
  zeros,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
  type TreeOf,
} from "@clip-ts/core";
import { encode, encoderSpec, paddingMask, type EncoderParams } from "@clip-ts/transformer";
import { add, concat, slice, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EncodedImage, NaflexConfig, VisionOptions } from "../config.ts";
import type { PixelForm } from "../pixel-form.ts";
import { attentionHead, attentionHeadSpec, type AttentionHeadParams } from "../vit/spec.ts";
import { patchMask, placeLength, placesOf, positionsOf } from "./places.ts";

/** A vision transformer of pictures that keep their shape, under the names of transformers' `Siglip2VisionModel`. */
export interface NaflexParams<Leaf = Tensor> {
  readonly embeddings: {
    /** weight [dim, patchSize² · channels], bias [dim] */
    readonly patch_embedding: LinearParams<Leaf>;
    /** weight [grid², dim], row by row */
    readonly position_embedding: EmbeddingParams<Leaf>;
  };
  readonly encoder: EncoderParams<Leaf>;
  readonly post_layernorm: LayerNormParams<Leaf>;
  readonly head: AttentionHeadParams<Leaf>;
}

/** Numbers of a patch's pixels. */
const patchLength = ({ patchSize, channels }: NaflexConfig): number => patchSize ** 2 * channels;

/** Places along a side of the table of positions. @throws ClipError "bad-config" for a picture that patches do not fill. */
function gridOf({ imageSize, patchSize }: NaflexConfig): number {
  if (imageSize % patchSize === 0) return imageSize / patchSize;
  throw new ClipError(
    "bad-config",
    `The picture of ${imageSize} pixels for which a NaFlex tower has positions should be filled by patches of ` +
      `${patchSize}: choose a multiple of it.`,
    { data: { imageSize, patchSize } },
  );
}

/** Xavier's bound for a matrix [out, in] (Glorot and Bengio 2010). */
const xavier = ([out = 1, into = 1]: readonly number[]): ParamSpec["init"] => uniform(Math.sqrt(6 / (out + into)));

/**
 * The starting values of big_vision and transformers, but for embeddings: Xavier's for matrices, almost zero for biases
 * of an MLP, zero for others.
 */
const started = <Tree extends object>(specs: Tree): TreeOf<Tree, ParamSpec, ParamSpec> =>
  mapTree<Tree, ParamSpec, ParamSpec>(specs, (spec) => {
    if (spec.role === "matrix") return { ...spec, init: xavier(spec.shape) };
    return spec.role === "bias" && spec.layer === "mlp" ? { ...spec, init: normal(1e-6) } : spec;
  });

/** The pooling head so; what comes out of its attention is a plain layer of theirs, its query as wide as all tokens. */
function startedHead(config: NaflexConfig): AttentionHeadParams<ParamSpec> {
  const { width } = config;
  const head = started(attentionHeadSpec(config)) as AttentionHeadParams<ParamSpec>;
  const { out_proj: output } = head.attention;
  const weight = { ...output.weight, init: normal(width ** -0.5) };
  return {
    ...head,
    probe: { ...head.probe, init: xavier([width, width]) },
    attention: { ...head.attention, out_proj: { ...output, weight } },
  };
}

/**
 * Spec of the tower, started as transformers does.
 * @throws ClipError "bad-config" if patches do not fill the picture of its table.
 */
function naflexSpec(config: NaflexConfig): NaflexParams<ParamSpec> {
  const { width, layers } = config;
  const fanIn = patchLength(config);
  const embeddings = {
    patch_embedding: {
      weight: param([width, fanIn], normal(fanIn ** -0.5), "embedding"),
      bias: param([width], zeros, "bias"),
    },
    position_embedding: embeddingSpec(gridOf(config) ** 2, width, width ** -0.5),
  };
  return {
    embeddings: withTraits(embeddings, { depth: 0 }),
    encoder: started(encoderSpec(config)),
    post_layernorm: withTraits(layerNormSpec(width), { depth: layers }),
    head: withTraits(startedHead(config), { depth: layers + 1 }),
  };
}

/**
 * SigLIP 2's vision transformer of variable resolution (Tschannen et al. 2025, arXiv:2502.14786, after Dehghani et al.
 * 2023, arXiv:2307.06304): pictures are rows of patches of a shape of their own, filled up with padding that nothing
 * looks at. What a picture gives does not depend on how much there is of it, but for the last bits of sums.
 */
function encodeNaflex(
  params: NaflexParams,
  pixels: Tensor,
  config: NaflexConfig,
  { checkpoint }: VisionOptions,
): EncodedImage {
  const { patch_embedding, position_embedding } = params.embeddings;
  const length = patchLength(config);
  const patches = slice(pixels, [0, 0, 0], [-1, -1, length]);
  const places = slice(pixels, [0, 0, length], [-1, -1, placeLength]);
  const mask = paddingMask(patchMask(places));
  const positions = positionsOf(position_embedding.weight, places, gridOf(config));
  const embedded = add(linear(patch_embedding, patches), positions);
  const lastHidden = encode(params.encoder, embedded, config, { checkpoint, mask });
  const normed = layerNorm(params.post_layernorm, lastHidden, config.layerNormEps);
  return { pooled: attentionHead(params.head, normed, config, mask), lastHidden, statistics: {} };
}

/** Patches with their places, as many as a batch's longest picture has; transformers keeps the two apart. */
function formOf(config: NaflexConfig): PixelForm {
  const length = patchLength(config);
  const [batch, patches] = ["image_batch_size", "num_patches"];
  return {
    shape: ["patches", length + placeLength],
    published: {
      inputs: {
        pixel_values: { shape: [batch, patches, length] },
        pixel_attention_mask: { shape: [batch, patches], dtype: "int32" },
        spatial_shapes: { shape: [batch, 2], dtype: "int32" },
      },
      read: ({ pixel_values: pixels, pixel_attention_mask: mask, spatial_shapes: shapes }) =>
        concat([pixels!, placesOf(mask!, shapes!)], 2),
    },
  };
}

/** Vision transformers of variable resolution. */
export const naflex: BuiltInVisionTower<NaflexConfig, NaflexParams> = {
  title: "a vision transformer of pictures that keep their shape (NaFlex)",
  spec: naflexSpec,
  encode: encodeNaflex,
  width: ({ width }) => width,
  endsInJointSpace: false,
  depth: ({ layers }) => layers,
  grid: gridOf,
  positions: () => undefined, // the table is resized for each picture, and stays as it is
  pixels: formOf,
  attentionWidth: ({ width }) => width,
  activation: ({ activation }) => activation,
  describe: (config) =>
    `NaFlex ViT, ${config.layers} layers, width ${config.width}, ${config.heads} heads, patches of ${config.patchSize}, ` +
    `positions of ${gridOf(config)} by ${gridOf(config)}`,
  draws: () => ({}),
};
