import { ClipError, shuffled, type RandomStream } from "@clip-ts/base";
import { assertShape, axisLength, embed, layerNorm, linear, patchify } from "@clip-ts/core";
import { encode } from "@clip-ts/transformer";
import { add, concat, mean, range, reshape, slice, squeeze, tanh, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EncodedImage, VisionOptions, VitConfig } from "../config.ts";
import { sincosPositions, sincosValues } from "./positions.ts";
import { attentionHead, patchCount, patchGrid, vitSpec, type VitParams } from "./spec.ts";

/** How many patches a training step keeps of each image; all of them without patch dropout. */
export function keptPatchCount(config: VitConfig): number {
  const { patchDropout = 0 } = config;
  if (!(patchDropout >= 0 && patchDropout < 1)) {
    throw new ClipError("bad-config", `patchDropout is a share from 0 up to 1; got ${patchDropout}.`, {
      data: { patchDropout },
    });
  }
  return Math.max(1, Math.floor(patchCount(config) * (1 - patchDropout)));
}

/**
 * The patches that one training step keeps, drawn for each image alone (Li et al. 2022, arXiv:2212.00794).
 * → batch · keptPatchCount numbers, image by image, for `VisionOptions.keptPatches`.
 */
export function drawKeptPatches(config: VitConfig, batch: number, random: RandomStream): Int32Array {
  const all = Array.from({ length: patchCount(config) }, (_, index) => index);
  const kept = keptPatchCount(config);
  const rows = Array.from({ length: batch }, () => shuffled(all, random).slice(0, kept));
  return Int32Array.from(rows.flat());
}

/** Some rows of each image. x [batch, rows, dim], kept [batch, some] int32 → [batch, some, dim]. */
function pickRows(x: Tensor, kept: Tensor): Tensor {
  const [batch, rows, dim] = [axisLength(x, 0), axisLength(x, 1), axisLength(x, 2)];
  const starts = reshape(range(0, batch * rows, rows, "int32"), [batch, 1]);
  return embed({ weight: reshape(x, [batch * rows, dim]) }, add(kept, starts));
}

/** Positions of the class token (if any, and none if it stays where it is) and of the patches. */
interface Positions {
  readonly first?: Tensor;
  /** [patches, dim] */
  readonly patches: Tensor;
}

function positionsOf({ embeddings }: VitParams, config: VitConfig): Positions {
  const table = embeddings.position_embedding?.weight;
  if (table === undefined) {
    return { patches: sincosPositions(patchGrid(config), config.width) };
  }
  if (embeddings.class_embedding === undefined) return { patches: table };
  return { first: slice(table, [0, 0], [1, -1]), patches: slice(table, [1, 0], [-1, -1]) };
}

/** The class token with its position, once for each image. → [batch, 1, dim]. */
function classTokens(token: Tensor, position: Tensor | undefined, batch: number): Tensor {
  const row = reshape(token, [1, 1, -1]);
  const placed = position === undefined ? row : add(row, position);
  return tile(placed, [batch, 1, 1]);
}

/**
 * Class token (if there is one) and patches with their positions.
 * pixels [batch, channels, imageSize, imageSize] → [batch, tokens, dim]. Only the patches in `kept`
 * [batch, some] are embedded, if it is given.
 */
function embedPatches(params: VitParams, pixels: Tensor, config: VitConfig, kept?: Tensor): Tensor {
  const { class_embedding, patch_embedding } = params.embeddings;
  const { first, patches: positions } = positionsOf(params, config);
  const projection = {
    ...patch_embedding,
    weight: reshape(patch_embedding.weight, [config.width, -1]), // [dim, channels·patch²]
  };
  const all = patchify(pixels, config.patchSize);
  const patches =
    kept === undefined
      ? add(linear(projection, all), positions)
      : add(linear(projection, pickRows(all, kept)), embed({ weight: positions }, kept));
  if (class_embedding === undefined) return patches;
  return concat([classTokens(class_embedding, first, axisLength(pixels, 0)), patches], 1);
}

/** Whether the class token is all that is pooled. */
const poolsClassToken = ({ head }: VitParams, { pooling }: VitConfig): boolean =>
  head === undefined && pooling !== "mean";

/** The first token of each image. x [batch, tokens, dim] → [batch, 1, dim]. */
const classToken = (x: Tensor): Tensor => slice(x, [0, 0, 0], [-1, 1, -1]);

/** One feature for each image. tokens [batch, tokens, dim], before the last norm → [batch, dim]. */
function pool(params: VitParams, tokens: Tensor, config: VitConfig): Tensor {
  const normed = (x: Tensor): Tensor => layerNorm(params.post_layernorm, x, config.layerNormEps);
  if (params.head !== undefined) return attentionHead(params.head, normed(tokens), config);
  if (config.pooling === "mean") {
    const first = config.classToken === false ? 0 : 1; // the class token is not counted
    return mean(slice(normed(tokens), [0, first, 0], [-1, -1, -1]), 1);
  }
  const pooled = normed(squeeze(classToken(tokens), [1]));
  return params.pooler === undefined ? pooled : tanh(linear(params.pooler.dense, pooled));
}

/**
 * The vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) of CLIP (openai/CLIP
 * `VisionTransformer`), of torchvision and of SigLIP, as the config says.
 * pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and tokens.
 */
function encodeVit(
  params: VitParams,
  pixels: Tensor,
  config: VitConfig,
  { keptPatches, checkpoint, onlyPooled = false }: VisionOptions,
): EncodedImage {
  if (keptPatches !== undefined) assertShape(keptPatches, [axisLength(pixels, 0), "kept"], "kept patches");
  const embedded = embedPatches(params, pixels, config, keptPatches);
  const entered =
    params.pre_layrnorm === undefined ? embedded : layerNorm(params.pre_layrnorm, embedded, config.layerNormEps);
  const wanted = onlyPooled && poolsClassToken(params, config) ? { pick: classToken } : undefined;
  const lastHidden = encode(params.encoder, entered, config, { checkpoint, wanted });
  return { pooled: pool(params, lastHidden, config), lastHidden, statistics: {} };
}

/** The sines and cosines that a config asks for, a row of zeros for the class token before them. */
function computedPositions(config: VitConfig): {
  values: Float32Array;
  shape: [number, number];
} {
  const { width, classToken = true } = config;
  const [side, leading] = [patchGrid(config), classToken ? width : 0];
  const values = new Float32Array(leading + side * side * width);
  values.set(sincosValues(side, width), leading);
  return { values, shape: [values.length / width, width] };
}

/** Vision transformers. */
export const vit: BuiltInVisionTower<VitConfig, VitParams> = {
  title: "a vision transformer",
  spec: vitSpec,
  encode: encodeVit,
  width: ({ width }) => width,
  endsInJointSpace: false,
  depth: ({ layers }) => layers,
  grid: patchGrid,
  attentionWidth: ({ width }) => width,
  activation: ({ activation }) => activation,
  positions: (config) => ({
    path: "embeddings.position_embedding.weight",
    leading: config.classToken === false ? 0 : 1,
    ...(config.positions === "sincos" && { computed: () => computedPositions(config) }),
  }),
  describe: ({ layers, width, heads, patchSize }) =>
    `ViT, ${layers} layers, width ${width}, ${heads} heads, patches of ${patchSize}`,
  draws(config, batch, random) {
    if (!config.patchDropout) return {};
    const data = drawKeptPatches(config, batch, random);
    return { keptPatches: { data, shape: [batch, keptPatchCount(config)] } };
  },
};
