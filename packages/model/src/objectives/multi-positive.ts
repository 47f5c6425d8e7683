import { ClipError } from "@clip-ts/base";
import { chunkedContrastiveLoss, symmetricCrossEntropy } from "@clip-ts/loss";
import { logitScaleBounds } from "@clip-ts/projection";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "../config.ts";
import type { SharedInputs } from "../pair-batch.ts";
import type { ContrastiveOptions } from "./contrastive.ts";
import { pairObjective, type PairObjective } from "./pair-objective.ts";

function needGroups({ groups }: SharedInputs): Tensor {
  if (groups !== undefined) return groups;
  throw new ClipError(
    "bad-argument",
    "The multi-positive loss needs to know which pairs are alike: give the batch `groups`, " +
      "as pairGroups of @clip-ts/loss finds them.",
  );
}

/**
 * The contrastive objective where every caption of an image's group is right (Khosla et al. 2020,
 * arXiv:2004.11362). Reads `groups`.
 */
export function multiPositive(
  config: ClipConfig,
  { labelSmoothing = 0 }: ContrastiveOptions = {},
): PairObjective {
  return pairObjective(config, {
    shared: ["groups"],
    bounds: { logit_scale: logitScaleBounds },
    atOnce: (_, logits, shared) =>
      symmetricCrossEntropy(logits, { labelSmoothing, groups: needGroups(shared) }),
    inChunks({ imageFeatures, textFeatures, scale }, chunk, shared) {
      const pairs = { imageFeatures, textFeatures, scale, groups: needGroups(shared) };
      return chunkedContrastiveLoss({ ...pairs, chunk, labelSmoothing });
    },
  });
}
