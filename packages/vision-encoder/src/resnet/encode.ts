import { ClipError } from "@clip-ts/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ResNetConfig } from "../config.ts";
import type { EncodedImage, VisionOptions } from "../encoded-image.ts";
import type { ResNetParams } from "./spec.ts";

/** CLIP's modified ResNet (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `ModifiedResNet`). */
export function encodeResNet(
  _params: ResNetParams,
  _pixels: Tensor,
  _config: ResNetConfig,
  _options: VisionOptions,
): EncodedImage {
  throw new ClipError("unsupported", "ResNets cannot run yet.");
}
