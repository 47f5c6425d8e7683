import { axisLength } from "@clip-ts/core";
import { cast, mul, reshape, sub, type Tensor } from "@tensorflow/tfjs-core";

/** Low enough that softmax gives exactly 0, high enough that sums with it stay finite. */
const hidden = -1e9;

/**
 * Hides padding from every query. attentionMask [batch, tokens], 1 for tokens and 0 for padding →
 * [batch, 1, 1, tokens], to be added to attention scores.
 */
export function paddingMask(attentionMask: Tensor): Tensor {
  const [batch, tokens] = [axisLength(attentionMask, 0), axisLength(attentionMask, 1)];
  const scores = mul(sub(1, cast(attentionMask, "float32")), hidden);
  return reshape(scores, [batch, 1, 1, tokens]);
}
