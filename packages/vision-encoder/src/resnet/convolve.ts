import { batchNormGain, batchNormTraining, conv2d, type Conv2dParams } from "@clip-ts/core";
import { add, mul, reshape, type Tensor } from "@tensorflow/tfjs-core";
import type { NormParams } from "./spec.ts";

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
export function convolve(conv: Conv2dParams, x: Tensor, options: ConvolveOptions): Tensor {
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
