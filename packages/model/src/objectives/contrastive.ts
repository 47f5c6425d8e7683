import { chunkedContrastiveLoss, symmetricCrossEntropy } from "@clip-ts/loss";
import { logitScaleBounds } from "@clip-ts/projection";
import type { ClipConfig } from "../config.ts";
import { pairObjective, type PairObjective } from "./pair-objective.ts";

/** What may differ between contrastive objectives. */
export interface ContrastiveOptions {
  /** Share of every target spread over the whole batch; 0 by default. */
  readonly labelSmoothing?: number | undefined;
}

/** CLIP's: softmax over the batch both ways (Radford et al. 2021, arXiv:2103.00020, figure 3). */
export function contrastive(
  config: ClipConfig,
  { labelSmoothing = 0 }: ContrastiveOptions = {},
): PairObjective {
  return pairObjective(config, {
    shared: [],
    bounds: { logit_scale: logitScaleBounds },
    atOnce: (_, logits) => symmetricCrossEntropy(logits, { labelSmoothing }),
    inChunks: ({ imageFeatures, textFeatures, scale }, chunk) =>
      chunkedContrastiveLoss({ imageFeatures, textFeatures, scale, chunk, labelSmoothing }),
  });
}
