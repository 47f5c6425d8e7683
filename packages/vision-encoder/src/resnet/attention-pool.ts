import { ClipError } from "@clip-ts/base";
import {
  linearSpec,
  normal,
  param,
  uniform,
  withTraits,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { multiHeadAttention } from "@clip-ts/transformer";
import { add, concat, mean, slice, squeeze, type Tensor } from "@tensorflow/tfjs-core";
import type { ResNetConfig } from "../config.ts";

/** Attention of the mean over the feature map; every layer has a bias. */
export interface AttentionPoolParams<Leaf = Tensor> {
  /** [1 + places, dim], the mean's position first */
  readonly positional_embedding: Leaf;
  readonly q_proj: LinearParams<Leaf>;
  readonly k_proj: LinearParams<Leaf>;
  readonly v_proj: LinearParams<Leaf>;
  /** weight [outputDim, dim] */
  readonly c_proj: LinearParams<Leaf>;
}

/** Spec of the pool over `places` of the last feature map, started as OpenAI's. */
export function attentionPoolSpec(
  config: ResNetConfig,
  places: number,
): AttentionPoolParams<ParamSpec> {
  const dim = config.width * 32;
  if (dim % config.heads !== 0) {
    throw new ClipError(
      "bad-config",
      `${dim} channels cannot be split over ${config.heads} heads: choose heads that divide 32 · width.`,
      { data: { width: config.width, heads: config.heads } },
    );
  }
  const std = dim ** -0.5;
  const projection = (outputs: number): LinearParams<ParamSpec> =>
    linearSpec(dim, outputs, { weight: normal(std), bias: uniform(std), role: "head" });
  const maps = {
    q_proj: projection(dim),
    k_proj: projection(dim),
    v_proj: projection(dim),
    c_proj: projection(config.outputDim),
  };
  return {
    positional_embedding: param([1 + places, dim], normal(std), "embedding"),
    ...withTraits(maps, { layer: "attention" }),
  };
}

/**
 * The mean of all places looks at itself and at every place; what it sees is the image's feature.
 * x [batch, places, dim] → [batch, outputDim].
 */
export function attentionPool(
  params: AttentionPoolParams,
  x: Tensor,
  { heads }: Pick<ResNetConfig, "heads">,
): Tensor {
  const { q_proj: query, k_proj: key, v_proj: value, c_proj: output } = params;
  const tokens = concat([mean(x, 1, true), x], 1); // [batch, 1 + places, dim]
  const context = add(tokens, params.positional_embedding);
  const asking = slice(context, [0, 0, 0], [-1, 1, -1]);
  const seen = multiHeadAttention({ query, key, value, output }, asking, { heads, context });
  return squeeze(seen, [1]);
}
