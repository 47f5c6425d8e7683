import { batchNorm, batchNormTraining } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NormParams } from "./spec.ts";

/** How the batch norms of one pass work. */
export interface NormMode {
  /** By the batch's own statistics, or by the running ones. */
  readonly training: boolean;
  /** Where norms in training put the running statistics after this batch, by path in the tower. */
  readonly statistics: Record<string, Tensor>;
}

/** The norm at a path in the tower. x [batch, height, width, channels] → same. */
export function normalize(params: NormParams, x: Tensor, path: string, mode: NormMode): Tensor {
  if (!mode.training) return batchNorm(params, params, x);
  const { y, statistics } = batchNormTraining(params, params, x);
  mode.statistics[`${path}.running_mean`] = statistics.running_mean;
  mode.statistics[`${path}.running_var`] = statistics.running_var;
  return y;
}
