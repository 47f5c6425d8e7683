import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { similarityLogits, type ContrastiveInputs } from "./contrastive-loss.ts";
import type { TargetOptions } from "./pair-targets.ts";
import { symmetricCrossEntropy } from "./symmetric-cross-entropy.ts";

/** Features of pairs of which some show or say the same. */
export interface MultiPositiveInputs extends ContrastiveInputs {
  /** [batch] int32: pairs with the same number match each other. `pairGroups` finds them. */
  readonly groups: Tensor;
}

/**
 * The contrastive loss for batches with duplicate captions or images: every text of an image's group is
 * right and has an even share of the target (Khosla et al. 2020, arXiv:2004.11362, equation 2; for
 * image-text pairs Yang et al. 2022, arXiv:2204.03610). Without duplicates it is `contrastiveLoss`.
 */
export function multiPositiveLoss(
  inputs: MultiPositiveInputs,
  { labelSmoothing = 0 }: Pick<TargetOptions, "labelSmoothing"> = {},
): Scalar {
  return symmetricCrossEntropy(similarityLogits(inputs), { groups: inputs.groups, labelSmoothing });
}
