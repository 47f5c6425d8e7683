import { add, mean, mul, rsqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { sizeOf, type Initialiser, type ParamSpec, ones, param, zeros } from "./spec.ts";

/** weight and bias [channels], trained. */
export interface BatchNormParams<Leaf = Tensor> {
  readonly weight: Leaf;
  readonly bias: Leaf;
}

/** running_mean and running_var [channels], updated by every step in training, never by gradients. */
export interface BatchNormStatistics<Leaf = Tensor> {
  readonly running_mean: Leaf;
  readonly running_var: Leaf;
}

/**
 * Whether a leaf is a running statistic: saved with the model, but set by training steps, never trained.
 */
export function isStatistic(path: string): boolean {
  return /(^|\.)running_(mean|var)$/.test(path);
}

/** Spec of gain and shift; a block's last norm may start with gain 0. */
export function batchNormSpec(
  channels: number,
  gain: Initialiser = ones,
): BatchNormParams<ParamSpec> {
  return { weight: param([channels], gain), bias: param([channels], zeros) };
}

/** Spec of the running statistics. */
export function batchNormStatisticsSpec(channels: number): BatchNormStatistics<ParamSpec> {
  return { running_mean: param([channels], zeros), running_var: param([channels], ones) };
}

const eps = 1e-5;
const momentum = 0.1;

function normalizeWith(
  params: BatchNormParams,
  x: Tensor,
  center: Tensor,
  variance: Tensor,
): Tensor {
  const scale = mul(params.weight, rsqrt(add(variance, eps)));
  return add(mul(sub(x, center), scale), params.bias);
}

/** Normalises by the running statistics (evaluation, frozen fine-tuning). x [..., channels] → same. */
export function batchNorm(
  params: BatchNormParams,
  statistics: BatchNormStatistics,
  x: Tensor,
): Tensor {
  return normalizeWith(params, x, statistics.running_mean, statistics.running_var);
}

/**
 * Normalises by the batch's own statistics and returns the running ones after this batch
 * (Ioffe & Szegedy 2015, arXiv:1502.03167; momentum 0.1 and the unbiased running variance as PyTorch).
 */
export function batchNormTraining(
  params: BatchNormParams,
  statistics: BatchNormStatistics,
  x: Tensor,
): { readonly y: Tensor; readonly statistics: BatchNormStatistics } {
  const axes = x.shape.map((_, axis) => axis).slice(0, -1);
  const count = sizeOf(x.shape.slice(0, -1));
  const center = mean(x, axes);
  const variance = mean(square(sub(x, center)), axes);
  const blend = (running: Tensor, fresh: Tensor): Tensor =>
    add(mul(running, 1 - momentum), mul(fresh, momentum));
  return {
    y: normalizeWith(params, x, center, variance),
    statistics: {
      running_mean: blend(statistics.running_mean, center),
      running_var: blend(statistics.running_var, mul(variance, count / Math.max(1, count - 1))),
    },
  };
}
