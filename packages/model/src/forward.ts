import { matchingAccuracy, similarityLogits, symmetricCrossEntropy } from "@clip-ts/loss";
import { exp, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { embedImages, embedTexts } from "./embed.ts";
import type { ClipParams } from "./spec.ts";

/** Matching pairs: row i of the ids is a caption of image i. */
export interface PairBatch {
  /** [batch, channels, imageSize, imageSize], normalised. */
  readonly pixelValues: Tensor;
  /** [batch, tokens] int32. */
  readonly inputIds: Tensor;
}

/** What one pass through CLIP gives. */
export type ClipOutput = {
  /** Symmetric contrastive loss. */
  readonly loss: Scalar;
  /** [batch, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [batch, joint], unit rows. */
  readonly textFeatures: Tensor;
  /** [images, texts]: scaled cosines. */
  readonly logitsPerImage: Tensor;
  /** Share of images whose own caption scores highest in the batch. */
  readonly accuracy: Scalar;
};

/**
 * Embeds both sides of a batch of pairs and compares every image with every caption.
 * The caller owns the outputs.
 */
export function forward(params: ClipParams, batch: PairBatch, config: ClipConfig): ClipOutput {
  return tidy(() => {
    const imageFeatures = embedImages(params, batch.pixelValues, config);
    const textFeatures = embedTexts(params, batch.inputIds, config);
    const scale = exp(params.logit_scale);
    const logitsPerImage = similarityLogits({ imageFeatures, textFeatures, scale });
    const loss = symmetricCrossEntropy(logitsPerImage);
    const accuracy = matchingAccuracy(logitsPerImage);
    return { loss, imageFeatures, textFeatures, logitsPerImage, accuracy };
  });
}
