import { ClipError } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";

/** Where the label goes in a template. */
const slot = "{}";

/** "a photo of a {}." with a label in its place. */
export function fillTemplate(template: string, label: string): string {
  if (!template.includes(slot)) {
    throw new ClipError("bad-argument", `The template "${template}" has no ${slot} where the label should go.`, {
      data: { template },
    });
  }
  return template.replaceAll(slot, () => label);
}

/** Every template filled with every label, label by label. */
export function promptsFor(labels: readonly string[], templates: readonly string[]): string[] {
  if (labels.length === 0 || templates.length === 0) {
    throw new ClipError("bad-argument", "Zero-shot classification needs labels and templates.");
  }
  return labels.flatMap((label) => templates.map((template) => fillTemplate(template, label)));
}

/**
 * Averages the unit features of each label's prompts and scales the mean to length 1 (Radford et al.
 * 2021, section 3.1.4). prompts [labels · templates, dim] → [labels, dim].
 */
export function averagePrompts(prompts: FeatureRows, templates: number): FeatureRows {
  const { dim } = prompts;
  const rows = prompts.rows / templates;
  const values = new Float32Array(rows * dim);
  for (let label = 0; label < rows; label++) {
    const mean = values.subarray(label * dim, (label + 1) * dim);
    for (let template = 0; template < templates; template++) {
      const start = (label * templates + template) * dim;
      mean.forEach((sum, index) => {
        mean[index] = sum + (prompts.values[start + index] as number);
      });
    }
    const length = Math.hypot(...mean);
    mean.forEach((sum, index) => {
      mean[index] = sum / length;
    });
  }
  return { values, rows, dim };
}

/** Softmax of scale · cosine; sums to 1. */
export function probabilities(cosines: Float32Array, scale: number): Float32Array {
  const largest = cosines.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = cosines.map((cosine) => Math.exp(scale * (cosine - largest)));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** Sigmoid of scale · cosine + bias: each label judged alone, as SigLIP learns it. */
export function sigmoidProbabilities(
  cosines: Float32Array,
  { logitScale, logitBias = 0 }: { readonly logitScale: number; readonly logitBias?: number },
): Float32Array {
  return cosines.map((cosine) => 1 / (1 + Math.exp(-(logitScale * cosine + logitBias))));
}

/**
 * The seven templates that OpenAI found to do nearly as well as all 80, by forward selection
 * (notebook "Prompt Engineering for ImageNet" of github.com/openai/CLIP, MIT licence).
 */
export const simpleTemplates: readonly string[] = [
  "itap of a {}.",
  "a bad photo of the {}.",
  "a origami {}.",
  "a photo of the large {}.",
  "a {} in a video game.",
  "art of the {}.",
  "a photo of the small {}.",
];
