import { assertShape, axisLength, withGradient } from "@clip-ts/core";
import {
  add,
  div,
  logSoftmax,
  mul,
  neg,
  softmax,
  sub,
  sum,
  transpose,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { checkTargets, pairTargets, type TargetOptions } from "./pair-targets.ts";

/** What each row and each column should say, as probabilities that sum to 1. */
export interface BothWaysTargets {
  /** [batch, batch], rows sum to 1. */
  readonly byImage: Tensor;
  /** [batch, batch], columns sum to 1. */
  readonly byText: Tensor;
}

/**
 * Mean of the cross-entropies of rows and of columns with given targets, which get no gradient.
 * logits [batch, batch] → scalar. Its gradient is (softmax over rows + softmax over columns - targets) / 2·batch.
 */
export function crossEntropyBothWays(logits: Tensor, targets: BothWaysTargets): Scalar {
  const batch = axisLength(logits, 0);
  return withGradient({
    inputs: [logits],
    forward(save) {
      save(logits, targets.byImage, targets.byText);
      const byImage = mul(logSoftmax(logits), targets.byImage);
      const byText = mul(transpose(logSoftmax(transpose(logits))), targets.byText);
      return neg(div(sum(add(byImage, byText)), 2 * batch));
    },
    backward(dy, saved) {
      const [kept, byImage, byText] = saved as [Tensor, Tensor, Tensor];
      const rows = softmax(kept);
      const columns = transpose(softmax(transpose(kept)));
      const excess = sub(add(rows, columns), add(byImage, byText));
      return [mul(excess, div(dy, 2 * batch))];
    },
  }) as Scalar;
}

/**
 * Mean of the cross-entropies of rows and of columns, with the diagonal as the right answers unless the
 * options say otherwise. logits [batch, batch] → scalar.
 */
export function symmetricCrossEntropy(logits: Tensor, options: TargetOptions = {}): Scalar {
  const batch = axisLength(logits, 0);
  assertShape(logits, [batch, batch], "logits of matching pairs");
  checkTargets(batch, options);
  const targets = pairTargets(batch, options);
  return crossEntropyBothWays(logits, { byImage: targets, byText: targets });
}
