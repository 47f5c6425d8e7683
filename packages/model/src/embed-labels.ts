import type { Clip } from "./clip.ts";
import type { FeatureRows } from "@clip-ts/core";
import { averagePrompts, promptsFor } from "./zero-shot.ts";

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
