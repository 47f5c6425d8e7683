import { assertShape } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { VisionConfig } from "./config.ts";
import type { EncodedImage, VisionOptions } from "./encoded-image.ts";
import { visionTower } from "./towers.ts";
import type { VisionParams } from "./vision-tower.ts";

/**
 * Runs the tower that the config describes.
 * pixels [batch, channels, imageSize, imageSize], normalised → one feature for each image, and what it
 * was pooled from. The caller owns the outputs.
 * @throws ClipError "bad-shape" if the pixels do not fit the config.
 */
export function encodeImage(
  params: VisionParams,
  pixels: Tensor,
  config: VisionConfig,
  options: VisionOptions = {},
): EncodedImage {
  const { channels, imageSize } = config;
  assertShape(pixels, ["batch", channels, imageSize, imageSize], "pixel values");
  return visionTower(config).encode(params, pixels, config, options);
}
