import { ClipError } from "@clip-ts/base";
import {
  layerNormSpec,
  linearSpec,
  normal,
  param,
  withTraits,
  zeros,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { SwinConfig } from "../config.ts";

/** One block under the names of transformers' own files, which are BERT's. */
export interface SwinBlockParams<Leaf = Tensor> {
  readonly layernorm_before: LayerNormParams<Leaf>;
  readonly attention: {
    readonly self: {
      readonly query: LinearParams<Leaf>;
      readonly key: LinearParams<Leaf>;
      readonly value: LinearParams<Leaf>;
      /** [(2 · window - 1)², heads] */
      readonly relative_position_bias_table: Leaf;
    };
    readonly output: { readonly dense: LinearParams<Leaf> };
  };
  readonly layernorm_after: LayerNormParams<Leaf>;
  readonly intermediate: { readonly dense: LinearParams<Leaf> };
  readonly output: { readonly dense: LinearParams<Leaf> };
}

/** Four neighbours become one place: norm [4 · dim], reduction [2 · dim, 4 · dim] without bias. */
export interface MergingParams<Leaf = Tensor> {
  readonly norm: LayerNormParams<Leaf>;
  readonly reduction: LinearParams<Leaf>;
}

/** A Swin transformer. */
export interface SwinParams<Leaf = Tensor> {
  readonly embeddings: {
    /** weight [width, channels, patchSize, patchSize], bias [width] */
    readonly patch_embeddings: { readonly projection: LinearParams<Leaf> };
    readonly norm: LayerNormParams<Leaf>;
  };
  readonly encoder: {
    readonly layers: readonly {
      readonly blocks: readonly SwinBlockParams<Leaf>[];
      /** All stages but the last have one. */
      readonly downsample?: MergingParams<Leaf>;
    }[];
  };
  readonly layernorm: LayerNormParams<Leaf>;
}

/** A stage: what its blocks see. */
export interface Stage {
  /** Length of a place's vector. */
  readonly dim: number;
  readonly heads: number;
  readonly blocks: number;
  /** Places along a side of the map. */
  readonly side: number;
}

/**
 * The stages of a tower: each halves the map and doubles the vectors of the one before.
 * @throws ClipError "bad-config" for stages and heads that do not fit, or windows larger than a map.
 */
export function stagesOf(config: SwinConfig): Stage[] {
  const { layers, stageHeads: heads, width, imageSize, patchSize, window } = config;
  if (layers.length !== heads.length) {
    const message = `Heads of every stage are needed: there are ${layers.length} stages and ${heads.length} numbers of heads.`;
    throw new ClipError("bad-config", message, { data: { layers, heads } });
  }
  let side = Math.ceil(imageSize / patchSize);
  return layers.map((blocks, index) => {
    const stage: Stage = { dim: width * 2 ** index, heads: heads[index] ?? 1, blocks, side };
    if (stage.dim % stage.heads !== 0) {
      throw new ClipError(
        "bad-config",
        `Stage ${index + 1} has a width of ${stage.dim}, which its ${stage.heads} heads do not divide.`,
        { data: { width: stage.dim, heads: stage.heads } },
      );
    }
    if (side < window) {
      throw new ClipError(
        "bad-config",
        `Images of ${imageSize} pixels leave stage ${index + 1} a map of ${side} by ${side} places, smaller than ` +
          `a window of ${window}: choose larger images.`,
        { data: { imageSize, side, window } },
      );
    }
    side = Math.ceil(side / 2);
    return stage;
  });
}

function blockSpec(config: SwinConfig, { dim, heads }: Stage): SwinBlockParams<ParamSpec> {
  const weight = normal(config.initialDeviation ?? 0.02);
  const map = (inputs: number, outputs: number): LinearParams<ParamSpec> => linearSpec(inputs, outputs, { weight });
  const hidden = Math.floor(config.mlpRatio * dim);
  const rows = (2 * config.window - 1) ** 2;
  const attention = {
    self: {
      query: map(dim, dim),
      key: map(dim, dim),
      value: map(dim, dim),
      relative_position_bias_table: param([rows, heads], zeros, "embedding"),
    },
    output: { dense: map(dim, dim) },
  };
  return {
    layernorm_before: layerNormSpec(dim),
    attention: withTraits(attention, { layer: "attention" }),
    layernorm_after: layerNormSpec(dim),
    ...withTraits({ intermediate: { dense: map(dim, hidden) }, output: { dense: map(hidden, dim) } }, { layer: "mlp" }),
  };
}

function mergingSpec(config: SwinConfig, { dim }: Stage): MergingParams<ParamSpec> {
  const weight = normal(config.initialDeviation ?? 0.02);
  return { norm: layerNormSpec(4 * dim), reduction: linearSpec(4 * dim, 2 * dim, { weight, bias: false }) };
}

/** Spec of the tower, started as transformers starts it; a block's depth is its number, a merge is of the block before. */
export function swinSpec(config: SwinConfig): SwinParams<ParamSpec> {
  const { width, channels, patchSize } = config;
  const stages = stagesOf(config);
  const kernel = param([width, channels, patchSize, patchSize], normal(config.initialDeviation ?? 0.02), "embedding");
  const embeddings = {
    patch_embeddings: { projection: { weight: kernel, bias: param([width], zeros, "bias") } },
    norm: layerNormSpec(width),
  };
  let depth = 0;
  const layers = stages.map((stage, index) => {
    const blocks = Array.from({ length: stage.blocks }, () => withTraits(blockSpec(config, stage), { depth: ++depth }));
    if (index === stages.length - 1) return { blocks };
    return { blocks, downsample: withTraits(mergingSpec(config, stage), { depth }) };
  });
  const last = stages.at(-1)?.dim ?? width;
  return {
    embeddings: withTraits(embeddings, { depth: 0 }),
    encoder: { layers },
    layernorm: withTraits(layerNormSpec(last), { depth }),
  };
}
