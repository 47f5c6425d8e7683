import { withGradient } from "@clip-ts/core";
import {
  add,
  div,
  mul,
  reshape,
  sigmoid,
  softplus,
  sub,
  sum,
  tidy,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import {
  addConsuming,
  chunkLogits,
  pairCount,
  pairwiseGradients,
  rowChunks,
  withTensors,
  type OneNumber,
  type PairFeatures,
  type PairwiseInputs,
} from "./pairwise.ts";

/** Unit features of matching pairs, factor and offset of their logits. */
export interface SigmoidInputs extends PairFeatures {
  /** The factor on the cosines; a plain number where it is not learnt. */
  readonly scale: OneNumber;
  /** One number added to every logit; starts at about -10, as most pairs do not match. */
  readonly bias: OneNumber;
  /** Rows of the matrix of all pairs in memory at a time; by default as many as 64 MiB hold. */
  readonly chunk?: number;
}

/** The same with tensors alone. */
type SigmoidTensors = PairwiseInputs & { readonly bias: Tensor; readonly chunk?: number };

/** Sum of the logits of matching pairs. */
function matchingLogits(inputs: SigmoidTensors, batch: number): Tensor {
  const { imageFeatures, textFeatures, scale, bias } = inputs;
  return add(mul(sum(mul(imageFeatures, textFeatures)), scale), mul(bias, batch));
}

function lossOfTensors(inputs: SigmoidTensors): Scalar {
  const { imageFeatures, textFeatures, scale, bias } = inputs;
  const batch = pairCount(inputs);
  const chunks = rowChunks(batch, inputs.chunk);
  return withGradient({
    inputs: [imageFeatures, textFeatures, scale, bias],
    forward(save) {
      save(imageFeatures, textFeatures, scale, bias);
      const total = chunks.map((chunk) => [tidy(() => sum(softplus(chunkLogits(inputs, chunk))))]).reduce(addConsuming);
      const loss = sub(total[0] as Tensor, matchingLogits(inputs, batch));
      return reshape(div(loss, batch), []);
    },
    backward(dy, saved) {
      const [images, texts, factor, offset] = saved as [Tensor, Tensor, Tensor, Tensor];
      return pairwiseGradients({
        inputs: { imageFeatures: images, textFeatures: texts, scale: factor, bias: offset },
        chunks,
        factor: div(dy, batch),
        slope: sigmoid,
        matching: 1,
      });
    },
  }) as Scalar;
}

/**
 * SigLIP's loss (Zhai et al. 2023, arXiv:2303.15343, algorithm 1): every image-text pair is a yes-or-no
 * question; the sum of their cross-entropies over the number of images. With softplus(-z) = softplus(z) - z
 * for the pairs that match, no matrix of labels is needed. Computed in chunks forward and, once more,
 * backward, so that memory does not grow with the square of the batch.
 */
export function sigmoidLoss(inputs: SigmoidInputs): Scalar {
  const { scale, bias } = inputs;
  return withTensors({ scale, bias }, (tensors) => lossOfTensors({ ...inputs, ...tensors }));
}
