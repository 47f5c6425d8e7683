import { ClipError } from "@clip-ts/base";
import {
  averagePool,
  batchNormGain,
  batchNormTraining,
  conv2d,
  linearSpec,
  normal,
  param,
  uniform,
  withTraits,
  type Conv2dParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { multiHeadAttention } from "@clip-ts/transformer";
import { add, concat, mean, mul, relu, reshape, slice, squeeze, type Tensor } from "@tensorflow/tfjs-core";
import type { ResNetConfig } from "../config.ts";
import type { BottleneckParams, NormParams, ResNetParams } from "./resnet.ts";

/** How the batch norms of one pass work. */
export interface NormMode {
  /** By the batch's own statistics, or by the running ones. */
  readonly training: boolean;
  /** Where norms in training put the running statistics after this batch, by path in the tower. */
  readonly statistics: Record<string, Tensor>;
}

/** A convolution and the batch norm behind it. */
export interface ConvolveOptions {
  readonly norm: NormParams;
  /** Path of the norm in the tower. */
  readonly path: string;
  readonly mode: NormMode;
  readonly stride?: number;
  readonly padding?: number;
}

/**
 * Convolution, then batch norm. With running statistics the norm's gain goes into the kernel, which is
 * far smaller than the picture. x [batch, height, width, in] → [batch, height', width', out].
 */
function convolve(conv: Conv2dParams, x: Tensor, options: ConvolveOptions): Tensor {
  const { norm, path, mode } = options;
  if (!mode.training) {
    const { gain, shift } = batchNormGain(norm, norm);
    const weight = mul(conv.weight, reshape(gain, [-1, 1, 1, 1]));
    return add(conv2d({ weight }, x, options), shift);
  }
  const { y, statistics } = batchNormTraining(norm, norm, conv2d(conv, x, options));
  mode.statistics[`${path}.running_mean`] = statistics.running_mean;
  mode.statistics[`${path}.running_var`] = statistics.running_var;
  return y;
}

/** The leaves of the stem. */
export type StemParams = Pick<ResNetParams, "conv1" | "bn1" | "conv2" | "bn2" | "conv3" | "bn3">;

/**
 * Three convolutions of which the first halves the picture, then means over squares that halve it again.
 * x [batch, height, width, channels] → [batch, height / 4, width / 4, width of the tower].
 */
export function stem(params: StemParams, x: Tensor, mode: NormMode): Tensor {
  const at = (name: "bn1" | "bn2" | "bn3"): ConvolveOptions => ({
    norm: params[name],
    path: name,
    mode,
    padding: 1,
  });
  const first = relu(convolve(params.conv1, x, { ...at("bn1"), stride: 2 }));
  const second = relu(convolve(params.conv2, first, at("bn2")));
  return averagePool(relu(convolve(params.conv3, second, at("bn3"))), 2);
}

/** Where a block stands and what it does to the size. */
export interface BottleneckOptions {
  /** Path in the tower, such as "layer2.0". */
  readonly path: string;
  /** 2 halves height and width. */
  readonly stride: number;
  readonly mode: NormMode;
}

/**
 * A residual block. Strides are means over squares of places, before the last convolution and on the
 * shortcut, so that no place is skipped (Zhang 2019, arXiv:1904.11486).
 * x [batch, height, width, in] → [batch, height / stride, width / stride, out].
 */
export function bottleneck(params: BottleneckParams, x: Tensor, { path, stride, mode }: BottleneckOptions): Tensor {
  const at = (name: "bn1" | "bn2" | "bn3"): ConvolveOptions => ({
    norm: params[name],
    path: `${path}.${name}`,
    mode,
  });
  const narrowed = relu(convolve(params.conv1, x, at("bn1")));
  const seen = relu(convolve(params.conv2, narrowed, { ...at("bn2"), padding: 1 }));
  const branch = convolve(params.conv3, averagePool(seen, stride), at("bn3"));
  return relu(add(branch, shortcut(params, x, { path, stride, mode })));
}

/** The block's input in the shape of its output. */
function shortcut({ downsample }: BottleneckParams, x: Tensor, { path, stride, mode }: BottleneckOptions): Tensor {
  if (downsample === undefined) return x;
  const options = { norm: downsample[1], path: `${path}.downsample.1`, mode };
  return convolve(downsample[0], averagePool(x, stride), options);
}

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
export function attentionPoolSpec(config: ResNetConfig, places: number): AttentionPoolParams<ParamSpec> {
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
export function attentionPool(params: AttentionPoolParams, x: Tensor, { heads }: Pick<ResNetConfig, "heads">): Tensor {
  const { q_proj: query, k_proj: key, v_proj: value, c_proj: output } = params;
  const tokens = concat([mean(x, 1, true), x], 1); // [batch, 1 + places, dim]
  const context = add(tokens, params.positional_embedding);
  const asking = slice(context, [0, 0, 0], [-1, 1, -1]);
  const seen = multiHeadAttention({ query, key, value, output }, asking, { heads, context });
  return squeeze(seen, [1]);
}
