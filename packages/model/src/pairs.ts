import { similarityLogits, type OneNumber } from "@clip-ts/loss";
import { add, exp, type Tensor } from "@tensorflow/tfjs-core";

/** What the towers read of matching pairs: row i of the ids is a caption of image i. */
export interface PairInputs {
  /** [batch, channels, imageSize, imageSize]: normalised, or from 0 to 255 where mean and deviation come along. */
  readonly pixelValues: Tensor;
  /** [batch, tokens] int32. */
  readonly inputIds: Tensor;
  /** [batch, tokens] int32, 1 where a token may be seen; by default wherever it is no padding. */
  readonly attentionMask?: Tensor | undefined;
  /** [batch, kept] int32: the patches that a training step with patch dropout looks at. */
  readonly keptPatches?: Tensor | undefined;
  /** What a training step with dropout keeps of RoBERTa's activations; see `TextOptions`. */
  readonly keptHidden?: Tensor | undefined;
  /** What it keeps of RoBERTa's attention weights; see `TextOptions`. */
  readonly keptAttention?: Tensor | undefined;
  /** [batch, channels]: the mean, for values from 0 to 1, by which `pixelValues` are yet to be normalised. */
  readonly pixelMean?: Tensor | undefined;
  /** [batch, channels]: the standard deviation to it. */
  readonly pixelStd?: Tensor | undefined;
}

/** What comparisons read of a whole batch, each what its loss asks for. */
export interface SharedInputs {
  /**
   * [batch] int32: pairs with the same number show or say the same thing. Only the multi-positive loss
   * asks for it; `pairGroups` of `@clip-ts/loss` finds it.
   */
  readonly groups?: Tensor | undefined;
  /** [batch, joint], unit rows: a teacher's features of the images. */
  readonly teacherImages?: Tensor | undefined;
  /** [batch, joint], unit rows: a teacher's features of the captions. */
  readonly teacherTexts?: Tensor | undefined;
  /** The teacher's factor on cosines. */
  readonly teacherScale?: Tensor | undefined;
}

/** A batch of matching pairs. */
export interface PairBatch extends PairInputs, SharedInputs {}

/** How a pass through the towers is run. */
export interface ForwardOptions {
  /** Batch norms use the batch's own statistics; false by default. */
  readonly training?: boolean;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean;
}

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
export function comparePairs(params: LogitParams, imageFeatures: Tensor, textFeatures: Tensor): ComparedPairs {
  return { imageFeatures, textFeatures, scale: exp(params.logit_scale), bias: params.logit_bias };
}

/** Scaled cosines plus bias. → [images, texts]. */
export function logitsOf(pairs: ComparedPairs): Tensor {
  const logits = similarityLogits(pairs);
  return pairs.bias === undefined ? logits : add(logits, pairs.bias);
}
