import { ClipError } from "@clip-ts/base";
import {
  sigmoidLoss,
  similarityLogits,
  symmetricCrossEntropy,
  type OneNumber,
} from "@clip-ts/loss";
import { add, exp, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { lossOf, type ClipConfig } from "./config.ts";

/** Unit features of both sides and the parameters that turn their cosines into logits. */
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
  params: { readonly logit_scale: Tensor; readonly logit_bias?: Tensor },
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

function sigmoidLossOf(pairs: ComparedPairs): Scalar {
  const { bias } = pairs;
  if (bias !== undefined) return sigmoidLoss({ ...pairs, bias });
  throw new ClipError(
    "bad-config",
    "The sigmoid loss needs the parameter logit_bias, which these parameters have not: " +
      "make or load them with this config.",
  );
}

function needGroups(groups: Tensor | undefined): Tensor {
  if (groups !== undefined) return groups;
  throw new ClipError(
    "bad-argument",
    "The multi-positive loss needs to know which pairs are alike: give the batch `groups`, " +
      "as pairGroups of @clip-ts/loss finds them.",
  );
}

/**
 * The loss that the config asks for. `logits` are those of the pairs; `groups` [batch] int32 tells the
 * multi-positive loss which pairs are alike.
 * @throws ClipError "bad-config" if the sigmoid loss is asked of parameters without a bias.
 */
export function lossOfPairs(
  pairs: ComparedPairs,
  logits: Tensor,
  config: ClipConfig,
  groups?: Tensor,
): Scalar {
  const loss = lossOf(config);
  if (loss.kind === "sigmoid") return sigmoidLossOf(pairs);
  const { labelSmoothing = 0, multiPositive = false } = loss;
  const alike = multiPositive ? { groups: needGroups(groups) } : {};
  return symmetricCrossEntropy(logits, { labelSmoothing, ...alike });
}
