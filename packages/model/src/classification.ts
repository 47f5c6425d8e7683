import { scoresOf, type FeatureRows } from "@clip-ts/core";
import type { Clip } from "./clip.ts";
import { lossOf, type ClipConfig } from "./config.ts";
import { averagePrompts, probabilities, promptsFor, sigmoidProbabilities } from "./zero-shot.ts";

/** A candidate and how well it fits. */
export interface Match {
  /** Row of the candidate. */
  readonly index: number;
  /** Cosine, where that is what was compared. */
  readonly similarity: number;
}

/** The `count` most similar candidates, best first; the earlier of equal ones first. */
export function bestMatches(similarities: ArrayLike<number>, count: number): Match[] {
  return Array.from(similarities, (similarity, index) => ({ index, similarity }))
    .toSorted((a, b) => b.similarity - a.similarity || a.index - b.index)
    .slice(0, count);
}

/** Prompts embedded before they are averaged away: bounds memory for thousands of labels. */
const promptsAtATime = 1024;

/**
 * A zero-shot classifier: one unit row for each label, the mean of its prompts' features.
 * → [labels, joint].
 */
export async function embedLabels(
  clip: Pick<Clip<never>, "config" | "embedTexts">,
  labels: readonly string[],
  templates: readonly string[],
): Promise<FeatureRows> {
  const dim = clip.config.projectionDim;
  const values = new Float32Array(labels.length * dim);
  const step = Math.max(1, Math.floor(promptsAtATime / templates.length));
  for (let start = 0; start < labels.length; start += step) {
    const prompts = promptsFor(labels.slice(start, start + step), templates);
    const means = averagePrompts(await clip.embedTexts(prompts), templates.length);
    values.set(means.values, start * dim);
  }
  return { values, rows: labels.length, dim };
}

/** Embeds labels, each the mean of its prompts. */
export type EmbedLabels = (labels: readonly string[], templates: readonly string[]) => Promise<FeatureRows>;

/** Sets kept: a program tells many images apart by few sets of labels. */
const mostSets = 4;

/** The same function, which computes a set of labels once while it is among the last few asked for. */
export function rememberLabels(embed: EmbedLabels): EmbedLabels {
  const known = new Map<string, Promise<FeatureRows>>();
  return (labels, templates) => {
    const key = JSON.stringify([labels, templates]);
    const rows = known.get(key) ?? embed(labels, templates);
    known.delete(key);
    known.set(key, rows); // the newest stands last
    rows.catch(() => known.delete(key)); // what failed is tried again
    const [oldest] = known.keys();
    if (known.size > mostSets && oldest !== undefined) known.delete(oldest);
    return rows;
  };
}

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
