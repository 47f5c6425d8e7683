import { add, div, mean, mul, reshape, rsqrt, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { withGradientAux } from "./gradient.ts";
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
export function isStatistic({ role }: Pick<ParamSpec, "role">): boolean {
  return role === "statistic";
}

/** Spec of gain and shift; a block's last norm may start with gain 0. */
export function batchNormSpec(channels: number, gain: Initialiser = ones): BatchNormParams<ParamSpec> {
  return { weight: param([channels], gain, "norm"), bias: param([channels], zeros, "norm") };
}

/** Spec of the running statistics. */
export function batchNormStatisticsSpec(channels: number): BatchNormStatistics<ParamSpec> {
  return {
    running_mean: param([channels], zeros, "statistic"),
    running_var: param([channels], ones, "statistic"),
  };
}

/** What a batch norm adds and how fast its running statistics follow; PyTorch's by default. */
export interface BatchNormOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
  /** Share of a batch in the running statistics after it; 0.1 by default. */
  readonly momentum?: number;
}

const usual = { eps: 1e-5, momentum: 0.1 };

/**
 * What `over` makes of every channel's values, image by image and then of all images. [..., channels] → [channels]. Two
 * short sums keep more digits than a long one, and of [images, values, channels] they go in one order, whatever layout
 * a runtime chooses for x.
 */
function overChannels(over: typeof sum | typeof mean, x: Tensor): Tensor {
  const values = sizeOf(x.shape.slice(1, -1));
  return over(over(reshape(x, [-1, values, x.shape.at(-1) ?? 1]), 1), 0);
}

/** What normalising by the running statistics comes to: a gain and a shift [channels] for each channel. */
export function batchNormGain(
  { weight, bias }: BatchNormParams,
  { running_mean, running_var }: BatchNormStatistics,
  { eps = usual.eps }: BatchNormOptions = {},
): { readonly gain: Tensor; readonly shift: Tensor } {
  const gain = mul(weight, rsqrt(add(running_var, eps)));
  return { gain, shift: sub(bias, mul(running_mean, gain)) };
}

/** Normalises by the running statistics (evaluation, frozen fine-tuning). x [..., channels] → same. */
export function batchNorm(
  params: BatchNormParams,
  statistics: BatchNormStatistics,
  x: Tensor,
  options: BatchNormOptions = {},
): Tensor {
  const { gain, shift } = batchNormGain(params, statistics, options);
  return add(mul(x, gain), shift);
}

/** The running statistics after a batch with these ones; the running variance is the unbiased one. */
function blend(
  { running_mean, running_var }: BatchNormStatistics,
  batch: { readonly center: Tensor; readonly variance: Tensor; readonly count: number; readonly momentum: number },
): Record<keyof BatchNormStatistics, Tensor> {
  const { center, variance, count, momentum } = batch;
  const towards = (running: Tensor, fresh: Tensor): Tensor => add(mul(running, 1 - momentum), mul(fresh, momentum));
  return {
    running_mean: towards(running_mean, center),
    running_var: towards(running_var, mul(variance, count / Math.max(1, count - 1))),
  };
}

/** Gradients of x, gain and shift from what the forward pass kept. */
function gradients(dy: Tensor, [normalized, scale, gain]: [Tensor, Tensor, Tensor]): Tensor[] {
  const count = sizeOf(dy.shape.slice(0, -1));
  const gainGradient = overChannels(sum, mul(dy, normalized));
  const shiftGradient = overChannels(sum, dy);
  const along = add(mul(normalized, div(gainGradient, count)), div(shiftGradient, count));
  return [mul(sub(dy, along), mul(gain, scale)), gainGradient, shiftGradient];
}

/**
 * Normalises by the batch's own statistics and returns the running ones after this batch, which have no
 * gradient (Ioffe & Szegedy 2015, arXiv:1502.03167; momentum 0.1 and the unbiased running variance as
 * PyTorch). One node on the tape. x [..., channels] → same.
 */
export function batchNormTraining(
  params: BatchNormParams,
  statistics: BatchNormStatistics,
  x: Tensor,
  { eps = usual.eps, momentum = usual.momentum }: BatchNormOptions = {},
): { readonly y: Tensor; readonly statistics: BatchNormStatistics } {
  const { weight, bias } = params;
  const { value, aux } = withGradientAux<BatchNormStatistics>({
    inputs: [x, weight, bias],
    forward(save) {
      const center = overChannels(mean, x);
      const centred = sub(x, center);
      const variance = overChannels(mean, square(centred));
      const scale = rsqrt(add(variance, eps));
      const normalized = mul(centred, scale);
      save(normalized, scale, weight);
      const count = sizeOf(x.shape.slice(0, -1));
      return {
        value: add(mul(normalized, weight), bias),
        aux: blend(statistics, { center, variance, count, momentum }),
      };
    },
    backward: (dy, saved) => gradients(dy, saved as never),
  });
  return { y: value, statistics: aux };
}
