import { assertShape } from "@clip-ts/core";
import { softmax, transpose, type Scalar } from "@tensorflow/tfjs-core";
import { similarityLogits, type ContrastiveInputs } from "./contrastive-loss.ts";
import { crossEntropyBothWays } from "./symmetric-cross-entropy.ts";

/** Features that a student and its teacher give to the same pairs; the joint spaces may differ. */
export interface DistillationInputs {
  readonly student: ContrastiveInputs;
  /** Gets no gradient. */
  readonly teacher: ContrastiveInputs;
}

/**
 * Cross-entropy of the student's matching with the teacher's, image to text and text to image: the
 * part that open_clip's `DistillClipLoss` adds to the contrastive loss (after Hinton et al. 2015,
 * arXiv:1503.02531, the logit scales being the temperatures). It is least, but not 0, where both agree.
 */
export function distillationLoss({ student, teacher }: DistillationInputs): Scalar {
  const [logits, wanted] = [similarityLogits(student), similarityLogits(teacher)];
  assertShape(wanted, logits.shape, "the teacher's logits of the same pairs");
  return crossEntropyBothWays(logits, {
    byImage: softmax(wanted),
    byText: transpose(softmax(transpose(wanted))),
  });
}
