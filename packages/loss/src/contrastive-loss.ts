import { assertShape, axisLength, withGradient } from "@clip-ts/core";
import {
  add,
  div,
  eye,
  logSoftmax,
  matMul,
  mul,
  neg,
  softmax,
  sub,
  sum,
  transpose,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";

/** Unit features of matching pairs and the factor on their cosines. */
export interface ContrastiveInputs {
  /** [batch, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [batch, joint], unit rows; row i belongs to image i. */
  readonly textFeatures: Tensor;
  /** Scalar factor on the cosines: exp of the stored logit scale, 1 / temperature. */
  readonly scale: Tensor;
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
 * Mean of the cross-entropies of rows and of columns, with the diagonal as the right answers.
 * logits [batch, batch] → scalar. Its gradient is (softmax over rows + softmax over columns - 2·I) / 2·batch.
 */
export function symmetricCrossEntropy(logits: Tensor): Scalar {
  const batch = axisLength(logits, 0);
  assertShape(logits, [batch, batch], "logits of matching pairs");
  return withGradient({
    inputs: [logits],
    forward(save) {
      save(logits);
      const byImage = logSoftmax(logits);
      const byText = transpose(logSoftmax(transpose(logits)));
      return neg(div(sum(mul(add(byImage, byText), eye(batch))), 2 * batch));
    },
    backward(dy, [kept]) {
      const rows = softmax(kept as Tensor);
      const columns = transpose(softmax(transpose(kept as Tensor)));
      const excess = sub(add(rows, columns), mul(eye(batch), 2));
      return [mul(excess, div(dy, 2 * batch))];
    },
  }) as Scalar;
}

/**
 * CLIP's symmetric contrastive loss (Radford et al. 2021, arXiv:2103.00020, figure 3): each image must
 * find its caption among the batch's captions, each caption its image.
 */
export function contrastiveLoss(inputs: ContrastiveInputs): Scalar {
  return symmetricCrossEntropy(similarityLogits(inputs));
}
