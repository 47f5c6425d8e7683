import { similarityLogits, type OneNumber } from "@clip-ts/loss";
import { add, exp, type Tensor } from "@tensorflow/tfjs-core";

/** The parameters that turn cosines into logits. */
export interface LogitParams {
  /** Logarithm of the factor on cosines. */
  readonly logit_scale: Tensor;
  /** Added to scaled cosines, if the model has one. */
  readonly logit_bias?: Tensor;
}

/** Unit features of both sides and what turns their cosines into logits. */
export interface ComparedPairs {
  /** [images, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [texts, joint], unit rows. */
  readonly textFeatures: Tensor;
  /** One number: the factor on cosines. */
  readonly scale: OneNumber;
  /** One number added to scaled cosines, if the model has one. */
  readonly bias?: OneNumber | undefined;
}

/** The pairs of a model's two sides, with its learnt scale and bias. */
export function comparePairs(
  params: LogitParams,
  imageFeatures: Tensor,
  textFeatures: Tensor,
): ComparedPairs {
  return { imageFeatures, textFeatures, scale: exp(params.logit_scale), bias: params.logit_bias };
}

/** Scaled cosines plus bias. → [images, texts]. */
export function logitsOf(pairs: ComparedPairs): Tensor {
  const logits = similarityLogits(pairs);
  return pairs.bias === undefined ? logits : add(logits, pairs.bias);
}
