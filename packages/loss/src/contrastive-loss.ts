import { matMul, mul, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { OneNumber } from "./numbers.ts";
import type { TargetOptions } from "./pair-targets.ts";
import { symmetricCrossEntropy } from "./symmetric-cross-entropy.ts";

/** Unit features of matching pairs and the factor on their cosines. */
export interface ContrastiveInputs {
  /** [batch, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [batch, joint], unit rows; row i belongs to image i. */
  readonly textFeatures: Tensor;
  /** Scalar factor on the cosines: exp of the stored logit scale, 1 / temperature; a plain number where it is not learnt. */
  readonly scale: OneNumber;
}

/** scale · cosine of every image with every text. → [images, texts]. */
export function similarityLogits({
  imageFeatures,
  textFeatures,
  scale,
}: ContrastiveInputs): Tensor {
  return mul(matMul(imageFeatures, textFeatures, false, true), scale);
}

/**
 * CLIP's symmetric contrastive loss (Radford et al. 2021, arXiv:2103.00020, figure 3): each image must
 * find its caption among the batch's captions, each caption its image. Label smoothing is Szegedy et
 * al.'s (2016, arXiv:1512.00567, section 7).
 */
export function contrastiveLoss(
  inputs: ContrastiveInputs,
  options: Pick<TargetOptions, "labelSmoothing"> = {},
): Scalar {
  return symmetricCrossEntropy(similarityLogits(inputs), options);
}
