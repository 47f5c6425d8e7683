import { similarityLogits, symmetricCrossEntropy } from "@clip-ts/loss";
import { project } from "@clip-ts/projection";
import { encodeText } from "@clip-ts/text-encoder";
import { encodeImage } from "@clip-ts/vision-encoder";
import { exp, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import type { PairBatch } from "./forward.ts";
import type { ClipParams } from "./spec.ts";

/** Everything a pass through CLIP computes that other implementations show too. */
export type ForwardDetails = {
  /** [images, joint], unit rows. */
  readonly imageFeatures?: Tensor;
  /** [images, 1 + patches, dim]: every token before the last norm. */
  readonly imageLastHidden?: Tensor;
  /** [texts, joint], unit rows. */
  readonly textFeatures?: Tensor;
  /** [texts, tokens, dim]: every token after the last norm. */
  readonly textLastHidden?: Tensor;
  /** [images, texts]: scaled cosines. */
  readonly logitsPerImage?: Tensor;
  /** Symmetric contrastive loss, if there are as many images as texts. */
  readonly loss?: Tensor;
};

function imageSide(params: ClipParams, pixels: Tensor | undefined, config: ClipConfig) {
  if (pixels === undefined) return {};
  const { pooled, lastHidden } = encodeImage(params.vision_model, pixels, config.vision);
  return { imageFeatures: project(params.visual_projection, pooled), imageLastHidden: lastHidden };
}

function textSide(params: ClipParams, ids: Tensor | undefined, config: ClipConfig) {
  if (ids === undefined) return {};
  const { pooled, lastHidden } = encodeText(params.text_model, ids, config.text);
  return { textFeatures: project(params.text_projection, pooled), textLastHidden: lastHidden };
}

/**
 * A pass through CLIP with its intermediate results, for comparison with other implementations. With
 * only one kind of input, only that side's outputs. The caller owns the outputs.
 */
export function forwardDetails(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  config: ClipConfig,
): ForwardDetails {
  return tidy((): ForwardDetails => {
    const image = imageSide(params, inputs.pixelValues, config);
    const text = textSide(params, inputs.inputIds, config);
    const { imageFeatures } = image;
    const { textFeatures } = text;
    if (imageFeatures === undefined || textFeatures === undefined) return { ...image, ...text };
    const scale = exp(params.logit_scale);
    const logitsPerImage = similarityLogits({ imageFeatures, textFeatures, scale });
    const [images, texts] = logitsPerImage.shape;
    const loss = images === texts ? { loss: symmetricCrossEntropy(logitsPerImage) } : {};
    return { ...image, ...text, logitsPerImage, ...loss };
  });
}
