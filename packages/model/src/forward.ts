import { matchingAccuracy } from "@clip-ts/loss";
import { tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { imageSide, textSide } from "./embed.ts";
import type { ForwardOptions, PairBatch } from "./pair-batch.ts";
import { comparePairs, logitsOf, lossOfPairs } from "./pair-loss.ts";
import type { ClipParams } from "./spec.ts";

/** What one pass through CLIP gives. */
export type ClipOutput = {
  /** The loss that the config asks for; symmetric contrastive by default. */
  readonly loss: Scalar;
  /** [batch, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [batch, joint], unit rows. */
  readonly textFeatures: Tensor;
  /** [images, texts]: scaled cosines, with the bias added if there is one. */
  readonly logitsPerImage: Tensor;
  /** Share of images whose own caption scores highest in the batch. */
  readonly accuracy: Scalar;
  /** A training ResNet's running statistics after this batch, by path; otherwise empty. */
  readonly statistics: Readonly<Record<string, Tensor>>;
};

/**
 * Embeds both sides of a batch of pairs and compares every image with every caption.
 * The caller owns the outputs, the statistics among them.
 */
export function forward(
  params: ClipParams,
  batch: PairBatch,
  config: ClipConfig,
  options: ForwardOptions = {},
): ClipOutput {
  return tidy(() => {
    const { attentionMask, keptPatches, keptHidden, keptAttention } = batch;
    const onlyPooled = true; // the last block of a tower computes no more than what is pooled
    const vision = { ...options, keptPatches, onlyPooled };
    const image = imageSide(params, batch.pixelValues, config, vision);
    const { checkpoint } = options;
    const text = textSide(params, batch.inputIds, config, {
      attentionMask,
      keptHidden,
      keptAttention,
      checkpoint,
      onlyPooled,
    });
    const pairs = comparePairs(params, image.features, text.features);
    const logitsPerImage = logitsOf(pairs);
    return {
      loss: lossOfPairs(pairs, logitsPerImage, config, batch.groups),
      imageFeatures: image.features,
      textFeatures: text.features,
      logitsPerImage,
      accuracy: matchingAccuracy(logitsPerImage),
      statistics: image.statistics,
    };
  });
}
