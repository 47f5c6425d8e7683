import { ClipError } from "@clip-ts/base";
import { chunkedDistillationLoss, distillationLoss, type ContrastiveInputs } from "@clip-ts/loss";
import { mul } from "@tensorflow/tfjs-core";
import type { SharedInputs } from "../pair-batch.ts";
import type { PairObjective } from "./pair-objective.ts";

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
export function distilled(
  objective: Pick<PairObjective, "plus">,
  { weight = 1 }: Teacher = {},
): PairObjective {
  return objective.plus({
    shared: ["teacherImages", "teacherTexts", "teacherScale"],
    atOnce: (student, shared) =>
      mul(distillationLoss({ student, teacher: teacherOf(shared) }), weight),
    inChunks: (student, chunk, shared) =>
      mul(chunkedDistillationLoss({ student, teacher: teacherOf(shared), chunk }), weight),
  });
}
