import { assertShape, axisLength, layerNorm } from "@clip-ts/core";
import { encode } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";
import type { EncodedImage, VisionOptions } from "../encoded-image.ts";
import { embedPatches } from "./embed-patches.ts";
import { classToken, pool, poolsClassToken } from "./pool.ts";
import type { VitParams } from "./spec.ts";

/**
 * The vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) of CLIP (openai/CLIP
 * `VisionTransformer`), of torchvision and of SigLIP, as the config says.
 * pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and tokens.
 */
export function encodeVit(
  params: VitParams,
  pixels: Tensor,
  config: VitConfig,
  { keptPatches, checkpoint, onlyPooled = false }: VisionOptions,
): EncodedImage {
  if (keptPatches !== undefined)
    assertShape(keptPatches, [axisLength(pixels, 0), "kept"], "kept patches");
  const embedded = embedPatches(params, pixels, config, keptPatches);
  const entered =
    params.pre_layrnorm === undefined
      ? embedded
      : layerNorm(params.pre_layrnorm, embedded, config.layerNormEps);
  const wanted = onlyPooled && poolsClassToken(params, config) ? { pick: classToken } : undefined;
  const lastHidden = encode(params.encoder, entered, config, { checkpoint, wanted });
  return { pooled: pool(params, lastHidden, config), lastHidden, statistics: {} };
}
