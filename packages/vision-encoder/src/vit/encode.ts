import { ClipError, shownSize, shuffled, sizeOf, type RandomStream } from "@clip-ts/base";
import { assertShape, axisLength, embed, layerNorm, linear, patchify } from "@clip-ts/core";
import { encode } from "@clip-ts/transformer";
import {
  add,
  concat,
  expandDims,
  mean,
  range,
  reshape,
  slice,
  squeeze,
  tanh,
  tile,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EncodedImage, VisionOptions, VitConfig } from "../config.ts";
import { interpolatePositions, sincosPositions, sincosValues } from "./positions.ts";
import { poolByQueries } from "./query-pool.ts";
import {
  attentionHead,
  leadingTokens,
  patchCount,
  patchGrid,
  placedTokens,
  vitFeatureWidth,
  vitSpec,
  type VitParams,
} from "./spec.ts";

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

/** Positions of the class token and its like (none if they stay where they are) and of the patches. */
interface Positions {
  /** [placed tokens, dim] */
  readonly first?: Tensor;
  /** [patches, dim] */
  readonly patches: Tensor;
}

function positionsOf({ embeddings }: VitParams, config: VitConfig): Positions {
  const table = embeddings.position_embedding?.weight;
  if (table === undefined) {
    return { patches: sincosPositions(patchGrid(config).height, config.width) };
  }
  const [placed, grid] = [placedTokens(config), patchGrid(config)];
  const stored = placed === 0 ? table : slice(table, [placed, 0], [-1, -1]);
  const antialias = (config.registerTokens ?? 0) > 0;
  const patches = interpolatePositions(stored, {
    from: config.positionGrid ?? [grid.height, grid.width],
    to: [grid.height, grid.width],
    antialias,
  });
  return placed === 0 ? { patches } : { first: slice(table, [0, 0], [placed, -1]), patches };
}

/** Class token, distillation token and registers, the first two with their positions. → [1, some, dim] or nothing. */
function ownTokens({ embeddings }: VitParams, first: Tensor | undefined): Tensor | undefined {
  const { class_embedding, distillation_embedding, register_embedding } = embeddings;
  const rows = [class_embedding, distillation_embedding]
    .filter((token) => token !== undefined)
    .map((token) => reshape(token, [1, -1]));
  if (rows.length === 0) return undefined;
  const tokens = rows.length === 1 ? (rows[0] as Tensor) : concat(rows, 0);
  const placed = first === undefined ? tokens : add(tokens, first);
  return expandDims(register_embedding === undefined ? placed : concat([placed, register_embedding], 0), 0);
}

/**
 * Class token (if there is one) and patches with their positions.
 * pixels [batch, channels, height, width] → [batch, tokens, dim]. Only the patches in `kept`
 * [batch, some] are embedded, if it is given.
 */
function embedPatches(params: VitParams, pixels: Tensor, config: VitConfig, kept?: Tensor): Tensor {
  const { patch_embedding } = params.embeddings;
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
  const own = ownTokens(params, first);
  return own === undefined ? patches : concat([tile(own, [axisLength(pixels, 0), 1, 1]), patches], 1);
}

/** Whether the class token is all that is pooled. */
const poolsClassToken = ({ pooling = "class" }: VitConfig): boolean => pooling === "class" || pooling === "pooler";

/** The first token of each image. x [batch, tokens, dim] → [batch, 1, dim]. */
const classToken = (x: Tensor): Tensor => slice(x, [0, 0, 0], [-1, 1, -1]);

/** One feature for each image. tokens [batch, tokens, dim], before the last norm → [batch, dim]. */
function pool(params: VitParams, tokens: Tensor, config: VitConfig): Tensor {
  const normed = (x: Tensor): Tensor => layerNorm(params.post_layernorm, x, config.layerNormEps);
  if (params.head !== undefined) return attentionHead(params.head, normed(tokens), config);
  if (config.pooling === "queries") return poolByQueries(params, tokens, config);
  if (config.pooling === "mean") {
    const first = leadingTokens(config); // the class token is not counted
    const meanOfPatches = (x: Tensor): Tensor => mean(slice(x, [0, first, 0], [-1, -1, -1]), 1);
    return config.normAfterPool === true ? normed(meanOfPatches(tokens)) : meanOfPatches(normed(tokens));
  }
  const pooled = normed(squeeze(classToken(tokens), [1]));
  return params.pooler === undefined ? pooled : tanh(linear(params.pooler.dense, pooled));
}

/**
 * The vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) of CLIP (openai/CLIP
 * `VisionTransformer`), of torchvision and of SigLIP, as the config says.
 * pixels [batch, channels, height, width], normalised → pooled feature and tokens.
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
  const wanted = onlyPooled && poolsClassToken(config) ? { pick: classToken } : undefined;
  const lastHidden = encode(params.encoder, entered, config, { checkpoint, wanted });
  return { pooled: pool(params, lastHidden, config), lastHidden, statistics: {} };
}

/** The sines and cosines that a config asks for, a row of zeros for the class token before them. */
function computedPositions(config: VitConfig): {
  values: Float32Array;
  shape: [number, number];
} {
  const { width } = config;
  const [side, leading] = [patchGrid(config).height, placedTokens(config) * width];
  const values = new Float32Array(leading + side * side * width);
  values.set(sincosValues(side, width), leading);
  return { values, shape: [values.length / width, width] };
}

/** Vision transformers. */
export const vit: BuiltInVisionTower<VitConfig, VitParams> = {
  title: "a vision transformer",
  spec: vitSpec,
  encode: encodeVit,
  width: vitFeatureWidth,
  endsInJointSpace: false,
  depth: ({ layers }) => layers,
  grid: (config) => sizeOf(patchGrid(config)),
  attentionWidth: ({ width }) => width,
  activation: ({ activation }) => activation,
  positions: (config) => ({
    path: "embeddings.position_embedding.weight",
    leading: placedTokens(config),
    ...(config.positionGrid !== undefined && { grid: config.positionGrid }),
    ...(config.positions === "sincos" && { computed: () => computedPositions(config) }),
  }),
  describe: ({ layers, width, heads, patchSize }) =>
    `ViT, ${layers} layers, width ${width}, ${heads} heads, patches of ${shownSize(patchSize)}`,
  draws(config, batch, random) {
    if (!config.patchDropout) return {};
    const data = drawKeptPatches(config, batch, random);
    return { keptPatches: { data, shape: [batch, keptPatchCount(config)] } };
  },
};
