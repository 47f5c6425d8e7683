import { assertShape, axisLength, layerNorm, linear, patchify } from "@clip-ts/core";
import { encode } from "@clip-ts/transformer";
import { add, concat, reshape, slice, squeeze, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { VisionConfig } from "./config.ts";
import type { VisionParams } from "./spec.ts";

/** What the tower sees in images. */
export interface EncodedImage {
  /** [batch, dim]: the class token after the last norm. */
  readonly pooled: Tensor;
  /** [batch, 1 + patches, dim]: every token before the last norm, the class token first. */
  readonly lastHidden: Tensor;
}

/** Class token and patches with their positions. pixels → [batch, 1 + patches, dim]. */
function embedPatches(params: VisionParams, config: VisionConfig, pixels: Tensor): Tensor {
  const { class_embedding, patch_embedding, position_embedding } = params.embeddings;
  const kernel = reshape(patch_embedding.weight, [config.width, -1]); // [dim, channels·patch²]
  const patches = linear({ weight: kernel }, patchify(pixels, config.patchSize));
  const classToken = reshape(class_embedding, [1, 1, config.width]);
  const classTokens = tile(classToken, [axisLength(pixels, 0), 1, 1]);
  return add(concat([classTokens, patches], 1), position_embedding.weight);
}

/**
 * CLIP's vision transformer (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `VisionTransformer`).
 * pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and tokens.
 * @throws ClipError "bad-shape" if the pixels do not fit the config.
 */
export function encodeImage(
  params: VisionParams,
  pixels: Tensor,
  config: VisionConfig,
): EncodedImage {
  const { channels, imageSize, width, layerNormEps } = config;
  assertShape(pixels, ["batch", channels, imageSize, imageSize], "pixel values");
  const embedded = embedPatches(params, config, pixels);
  const entered = layerNorm(params.pre_layrnorm, embedded, layerNormEps);
  const lastHidden = encode(params.encoder, entered, config);
  const classToken = squeeze(slice(lastHidden, [0, 0, 0], [-1, 1, width]), [1]);
  return { pooled: layerNorm(params.post_layernorm, classToken, layerNormEps), lastHidden };
}
