import { axisLength } from "@clip-ts/core";
import { tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { imageSide, textSide } from "./embed.ts";
import { objectiveOf } from "./objectives/objective-of.ts";
import type { ForwardOptions, PairBatch } from "./pair-batch.ts";
import { comparePairs, logitsOf } from "./pair-logits.ts";
import type { ClipParams } from "./spec.ts";

/** Everything a pass through CLIP computes that other implementations show too. */
export type ForwardDetails = {
  /** [images, joint], unit rows. */
  readonly imageFeatures?: Tensor;
  /** [images, tokens, dim]: what the vision tower pools; a transformer's tokens before the last norm. */
  readonly imageLastHidden?: Tensor;
  /** [texts, joint], unit rows. */
  readonly textFeatures?: Tensor;
  /** [texts, tokens, dim]: every token after the last norm. */
  readonly textLastHidden?: Tensor;
  /** [images, texts]: scaled cosines, with the bias added if there is one. */
  readonly logitsPerImage?: Tensor;
  /** The loss that the config asks for, if there are as many images as texts. */
  readonly loss?: Tensor;
  /** A training ResNet's running statistics after this batch, by path. */
  readonly statistics?: Readonly<Record<string, Tensor>>;
};

function imageDetails(
  params: ClipParams,
  { pixelValues, keptPatches }: Partial<PairBatch>,
  config: ClipConfig,
  options: ForwardOptions,
): ForwardDetails {
  if (pixelValues === undefined) return {};
  const side = imageSide(params, pixelValues, config, { ...options, keptPatches });
  const shown = { imageFeatures: side.features, imageLastHidden: side.lastHidden };
  const { statistics } = side;
  return Object.keys(statistics).length === 0 ? shown : { ...shown, statistics };
}

function textDetails(
  params: ClipParams,
  { inputIds, attentionMask, keptHidden, keptAttention }: Partial<PairBatch>,
  config: ClipConfig,
): ForwardDetails {
  if (inputIds === undefined) return {};
  const { features, lastHidden } = textSide(params, inputIds, config, {
    attentionMask,
    keptHidden,
    keptAttention,
  });
  return { textFeatures: features, textLastHidden: lastHidden };
}

/**
 * A pass through CLIP with its intermediate results, for comparison with other implementations. With
 * only one kind of input, only that side's outputs. The caller owns the outputs.
 */
export function forwardDetails(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  config: ClipConfig,
  options: ForwardOptions = {},
): ForwardDetails {
  return tidy((): ForwardDetails => {
    const image = imageDetails(params, inputs, config, options);
    const text = textDetails(params, inputs, config);
    const { imageFeatures } = image;
    const { textFeatures } = text;
    if (imageFeatures === undefined || textFeatures === undefined) return { ...image, ...text };
    const matching = axisLength(imageFeatures, 0) === axisLength(textFeatures, 0);
    if (!matching) {
      const pairs = comparePairs(params, imageFeatures, textFeatures);
      return { ...image, ...text, logitsPerImage: logitsOf(pairs) };
    }
    const rows = { image: imageFeatures, text: textFeatures };
    const { loss, logits } = objectiveOf(config).compare(params, rows, inputs);
    return { ...image, ...text, logitsPerImage: logits, loss };
  });
}
