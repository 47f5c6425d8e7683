import { ClipError } from "@clip-ts/base";
import {
  chunkedContrastiveLoss,
  chunkedDistillationLoss,
  distillationLoss,
  localContrastive,
  localDistillation,
  localSigmoid,
  sigmoidLoss,
  symmetricCrossEntropy,
  type ContrastiveInputs,
  type SigmoidInputs,
} from "@clip-ts/loss";
import { logitScaleBounds } from "@clip-ts/projection";
import { mul, type Tensor } from "@tensorflow/tfjs-core";
import { lossOf, type ClipConfig, type LossConfig, type LossOfKind } from "../config.ts";
import type { ComparedPairs, SharedInputs } from "../pairs.ts";
import { pairObjective, type ClipObjective, type PairObjective } from "./pair-objective.ts";

/**
 * The same objective without the matrix of all pairs in memory, for large batches: `chunk` of its rows
 * are compared at a time, forward and once more backward. Its accuracy is that among the first `chunk`
 * pairs. Goes around everything else: `chunked(distilled(contrastive(config), …), 256)`.
 */
export const chunked = (objective: Pick<PairObjective, "inChunks">, chunk: number): ClipObjective =>
  objective.inChunks(chunk);

/** What may differ between contrastive objectives. */
export interface ContrastiveOptions {
  /** Share of every target spread over the whole batch; 0 by default. */
  readonly labelSmoothing?: number | undefined;
}

/** CLIP's: softmax over the batch both ways (Radford et al. 2021, arXiv:2103.00020, figure 3). */
export function contrastive(config: ClipConfig, { labelSmoothing = 0 }: ContrastiveOptions = {}): PairObjective {
  return pairObjective(config, {
    shared: [],
    bounds: { logit_scale: logitScaleBounds },
    atOnce: (_, logits) => symmetricCrossEntropy(logits, { labelSmoothing }),
    inChunks: ({ imageFeatures, textFeatures, scale }, chunk) =>
      chunkedContrastiveLoss({ imageFeatures, textFeatures, scale, chunk, labelSmoothing }),
    local: () => ({ loss: localContrastive({ labelSmoothing }) }),
  });
}

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
    local(pairs) {
      withBias(pairs);
      return { loss: localSigmoid() };
    },
  });
}

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
export function multiPositive(config: ClipConfig, { labelSmoothing = 0 }: ContrastiveOptions = {}): PairObjective {
  return pairObjective(config, {
    shared: ["groups"],
    bounds: { logit_scale: logitScaleBounds },
    atOnce: (_, logits, shared) => symmetricCrossEntropy(logits, { labelSmoothing, groups: needGroups(shared) }),
    inChunks({ imageFeatures, textFeatures, scale }, chunk, shared) {
      const pairs = { imageFeatures, textFeatures, scale, groups: needGroups(shared) };
      return chunkedContrastiveLoss({ ...pairs, chunk, labelSmoothing });
    },
    local: (_, shared) => ({ loss: localContrastive({ groups: needGroups(shared), labelSmoothing }) }),
  });
}

/** How a teacher is listened to; what it says of each batch comes with the batch. */
export interface Teacher {
  /** Factor on the distillation loss; 1 by default. */
  readonly weight?: number | undefined;
}

function teacherOf({ teacherImages, teacherTexts, teacherScale }: SharedInputs): ContrastiveInputs {
  if (teacherImages === undefined || teacherTexts === undefined || teacherScale === undefined) {
    throw new ClipError(
      "bad-argument",
      "A distilled objective needs what its teacher says of the pairs: give the batch `teacherImages`, " +
        "`teacherTexts` and `teacherScale`.",
    );
  }
  return { imageFeatures: teacherImages, textFeatures: teacherTexts, scale: teacherScale };
}

/**
 * An objective that also asks a student to match as its teacher does: open_clip's distillation (after
 * Hinton et al. 2015, arXiv:1503.02531). Reads the teacher's features of the pairs and its scale.
 */
export function distilled(objective: Pick<PairObjective, "plus">, { weight = 1 }: Teacher = {}): PairObjective {
  return objective.plus({
    shared: ["teacherImages", "teacherTexts", "teacherScale"],
    atOnce: (student, shared) => mul(distillationLoss({ student, teacher: teacherOf(shared) }), weight),
    inChunks: (student, chunk, shared) =>
      mul(chunkedDistillationLoss({ student, teacher: teacherOf(shared), chunk }), weight),
    local: (_, shared) => ({ loss: localDistillation(teacherOf(shared)), weight }),
  });
}

/** How the objective of each kind of loss is made. */
type Makers = {
  readonly [Kind in LossConfig["kind"]]: (config: ClipConfig, loss: LossOfKind<Kind>) => PairObjective;
};

const makers: Makers = {
  contrastive: (config, loss) =>
    loss.multiPositive === true ? multiPositive(config, loss) : contrastive(config, loss),
  sigmoid: (config) => sigmoid(config),
};

/** The objective that a model's config asks for: the one that `forward` shows and that trains. */
export function objectiveOf(config: ClipConfig): PairObjective {
  const loss = lossOf(config);
  const make = makers[loss.kind] as (config: ClipConfig, loss: LossConfig) => PairObjective;
  return make(config, loss);
}
