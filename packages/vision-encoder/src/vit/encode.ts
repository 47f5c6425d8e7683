import { axisLength, layerNorm, linear, patchify } from "@clip-ts/core";
import { encode } from "@clip-ts/transformer";
import { add, concat, reshape, slice, squeeze, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import type { EncodedImage } from "../encoded-image.ts";
import type { VitParams } from "./spec.ts";

/** Class token and patches with their positions. pixels → [batch, 1 + patches, dim]. */
function embedPatches(params: VitParams, config: VitConfig, pixels: Tensor): Tensor {
  const { class_embedding, patch_embedding, position_embedding } = params.embeddings;
  const kernel = reshape(patch_embedding.weight, [config.width, -1]); // [dim, channels·patch²]
  const patches = linear({ weight: kernel }, patchify(pixels, config.patchSize));
  const classToken = reshape(class_embedding as Tensor, [1, 1, config.width]);
  const classTokens = tile(classToken, [axisLength(pixels, 0), 1, 1]);
  return add(concat([classTokens, patches], 1), position_embedding?.weight as Tensor);
}

/**
 * CLIP's vision transformer (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `VisionTransformer`).
 * pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and tokens.
 */
export function encodeVit(params: VitParams, pixels: Tensor, config: VitConfig): EncodedImage {
  const { width, layerNormEps } = config;
  const embedded = embedPatches(params, config, pixels);
  const entered =
    params.pre_layrnorm === undefined
      ? embedded
      : layerNorm(params.pre_layrnorm, embedded, layerNormEps);
  const lastHidden = encode(params.encoder, entered, config);
  const classToken = squeeze(slice(lastHidden, [0, 0, 0], [-1, 1, width]), [1]);
  const pooled = layerNorm(params.post_layernorm, classToken, layerNormEps);
  return { pooled, lastHidden, statistics: {} };
}
