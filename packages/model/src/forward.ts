import { tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { objectiveOf } from "./objectives/objectives.ts";
import type { ForwardOptions, PairBatch } from "./pairs.ts";
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
 * Embeds both sides of a batch of pairs and compares every image with every caption: both halves of the
 * objective that the config asks for, the one that trains. The caller owns the outputs, the statistics
 * among them.
 */
export function forward(
  params: ClipParams,
  batch: PairBatch,
  config: ClipConfig,
  options: ForwardOptions = {},
): ClipOutput {
  return tidy(() => {
    const objective = objectiveOf(config);
    const { rows, statistics } = objective.encode(params, batch, options);
    const { loss, metrics, logits } = objective.compare(params, rows, batch);
    return {
      loss,
      imageFeatures: rows.image,
      textFeatures: rows.text,
      logitsPerImage: logits,
      accuracy: metrics.accuracy,
      statistics,
    };
  });
}
