import { project } from "@clip-ts/projection";
import { encodeText } from "@clip-ts/text-encoder";
import { encodeImage } from "@clip-ts/vision-encoder";
import { tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import type { ClipParams } from "./spec.ts";

/** Unit image features. pixels [batch, channels, imageSize, imageSize] → [batch, joint]. */
export function embedImages(params: ClipParams, pixels: Tensor, config: ClipConfig): Tensor {
  return tidy(() =>
    project(
      params.visual_projection,
      encodeImage(params.vision_model, pixels, config.vision).pooled,
    ),
  );
}

/** Unit caption features. ids [batch, tokens] int32 → [batch, joint]. */
export function embedTexts(params: ClipParams, ids: Tensor, config: ClipConfig): Tensor {
  return tidy(() =>
    project(params.text_projection, encodeText(params.text_model, ids, config.text).pooled),
  );
}
