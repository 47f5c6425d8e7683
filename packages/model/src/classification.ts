import { scoresOf, type FeatureRows } from "@clip-ts/core";
import { lossOf, type ClipConfig } from "./config.ts";
import { probabilities, sigmoidProbabilities } from "./zero-shot.ts";

/** One label and how probable it is. */
export interface Classification {
  readonly label: string;
  /**
   * Softmax over the labels of the scaled cosines; of a model of the sigmoid loss the sigmoid of the label's
   * own logit.
   */
  readonly probability: number;
  /** The probability, under the name that transformers.js's `zero-shot-image-classification` gives it. */
  readonly score: number;
  /** Cosine of the image and the label's prompts, from -1 to 1. */
  readonly similarity: number;
}

/** What a model makes probabilities of cosines by. */
export interface Calibration {
  readonly config: ClipConfig;
  /** exp of the learnt logit scale. */
  readonly logitScale: number;
  readonly logitBias?: number;
}

/** Labels and a unit row for each. */
export interface LabelRows {
  readonly labels: readonly string[];
  /** [labels, joint], as `embedLabels` gives them. */
  readonly rows: FeatureRows;
}

/** The labels of one row of image features [images, joint], from most to least likely. */
export function rankLabels(
  features: FeatureRows,
  row: number,
  { labels, rows }: LabelRows,
  model: Calibration,
): Classification[] {
  const cosines = scoresOf(features, row, rows);
  const shares =
    lossOf(model.config).kind === "sigmoid"
      ? sigmoidProbabilities(cosines, model)
      : probabilities(cosines, model.logitScale);
  return labels
    .map((label, index) => {
      const probability = shares[index] as number;
      return { label, probability, score: probability, similarity: cosines[index] as number };
    })
    .toSorted((a, b) => b.probability - a.probability);
}
