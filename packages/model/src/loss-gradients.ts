import {
  flattenTree,
  isStatistic,
  unflattenLike,
  valueAndGradient,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { forward, type ClipOutput } from "./forward.ts";
import type { ForwardOptions, PairBatch } from "./pair-batch.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

/** A pass through CLIP and what the loss says about every trained parameter. */
export interface LossGradients {
  readonly output: ClipOutput;
  /** By path; running statistics have none. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/**
 * The loss's gradient by every parameter, a ResNet's running statistics left out, with the outputs of the
 * same pass. Borrows the parameters; the caller owns outputs and gradients.
 */
export function lossGradients(
  params: ClipParams,
  batch: PairBatch,
  config: ClipConfig,
  options: ForwardOptions = {},
): LossGradients {
  const leaves = flattenTree<Tensor>(params);
  const spec = clipSpec(config);
  const specs = flattenTree<ParamSpec>(spec);
  const learns = (path: string): boolean => !(path in specs && isStatistic(specs[path]!));
  const trained = Object.fromEntries(Object.entries(leaves).filter(([path]) => learns(path)));
  const { value, gradient, aux } = valueAndGradient((given: Record<string, Tensor>) => {
    const tree = unflattenLike(spec, { ...leaves, ...given }) as ClipParams;
    const { loss, ...rest } = forward(tree, batch, config, options);
    return { loss, aux: rest };
  }, trained);
  return { output: { loss: value, ...(aux as Omit<ClipOutput, "loss">) }, gradients: gradient };
}
