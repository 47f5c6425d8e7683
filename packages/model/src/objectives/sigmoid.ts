import { ClipError } from "@clip-ts/base";
import { sigmoidLoss, type SigmoidInputs } from "@clip-ts/loss";
import type { ClipConfig } from "../config.ts";
import type { ComparedPairs } from "../pair-logits.ts";
import { pairObjective, type PairObjective } from "./pair-objective.ts";

function withBias({ bias, ...pairs }: ComparedPairs): SigmoidInputs {
  if (bias !== undefined) return { ...pairs, bias };
  throw new ClipError(
    "bad-config",
    "The sigmoid loss needs the parameter logit_bias, which these parameters have not: " +
      "make or load them with this config.",
  );
}

/**
 * SigLIP's: every pair judged alone, with a bias (Zhai et al. 2023, arXiv:2303.15343). Its scale learns
 * freely.
 */
export function sigmoid(config: ClipConfig): PairObjective {
  return pairObjective(config, {
    shared: [],
    bounds: {},
    atOnce: (pairs) => sigmoidLoss(withBias(pairs)),
    inChunks: (pairs, chunk) => sigmoidLoss({ ...withBias(pairs), chunk }),
  });
}
