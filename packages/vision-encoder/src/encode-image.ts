import { assertShape } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { isResNet, type VisionConfig } from "./config.ts";
import type { EncodedImage, VisionOptions } from "./encoded-image.ts";
import { encodeResNet } from "./resnet/encode.ts";
import type { ResNetParams } from "./resnet/spec.ts";
import type { VisionParams } from "./spec.ts";
import { encodeVit } from "./vit/encode.ts";
import type { VitParams } from "./vit/spec.ts";

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
  return isResNet(config)
    ? encodeResNet(params as ResNetParams, pixels, config, options)
    : encodeVit(params as VitParams, pixels, config, options);
}
