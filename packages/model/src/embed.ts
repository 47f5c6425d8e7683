import { project } from "@clip-ts/projection";
import { encodeText, type TextOptions } from "@clip-ts/text-encoder";
import { encodeImage, type VisionOptions } from "@clip-ts/vision-encoder";
import { tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import type { ClipParams } from "./spec.ts";

/** One side of a batch: its unit features and what else its tower tells. */
export type EncodedSide = {
  /** [batch, joint], unit rows. */
  readonly features: Tensor;
  /** [batch, tokens, dim]: what the tower pooled. */
  readonly lastHidden: Tensor;
  /** Running statistics after this batch, by path in the model; empty unless a ResNet trains. */
  readonly statistics: Readonly<Record<string, Tensor>>;
};

/** Runs the vision tower and its head. pixels [batch, channels, imageSize, imageSize]. */
export function imageSide(
  params: ClipParams,
  pixels: Tensor,
  config: ClipConfig,
  options?: VisionOptions,
): EncodedSide {
  const encoded = encodeImage(params.vision_model, pixels, config.vision, options);
  const { pooled, lastHidden } = encoded;
  const statistics = Object.fromEntries(
    Object.entries(encoded.statistics).map(([path, value]) => [`vision_model.${path}`, value]),
  );
  return { features: project(params.visual_projection, pooled), lastHidden, statistics };
}

/** Runs the text tower and its head. ids [batch, tokens] int32. */
export function textSide(
  params: ClipParams,
  ids: Tensor,
  config: ClipConfig,
  options?: TextOptions,
): EncodedSide {
  const { pooled, lastHidden } = encodeText(params.text_model, ids, config.text, options);
  return { features: project(params.text_projection, pooled), lastHidden, statistics: {} };
}

/** Unit image features. pixels [batch, channels, imageSize, imageSize] → [batch, joint]. */
export function embedImages(params: ClipParams, pixels: Tensor, config: ClipConfig): Tensor {
  return tidy(() => imageSide(params, pixels, config, { onlyPooled: true }).features);
}

/** Unit caption features. ids [batch, tokens] int32 → [batch, joint]. */
export function embedTexts(
  params: ClipParams,
  ids: Tensor,
  config: ClipConfig,
  options?: TextOptions,
): Tensor {
  return tidy(() => textSide(params, ids, config, { ...options, onlyPooled: true }).features);
}
