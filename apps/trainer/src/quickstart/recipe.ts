import { parseConfig } from "../config/load-config.ts";
import type { RunConfig } from "../config/schema.ts";

/** Colour put behind the drawings' transparent background, in training and in use. */
const white = [255, 255, 255];

/** Settings of a quickstart run; the model learns two vendors' drawings, a third is never shown. */
export function quickstartRecipe(options: {
  readonly run: string;
  readonly engine: string;
  readonly steps: number;
}): RunConfig {
  const { run, engine, steps } = options;
  const config = {
    run,
    engine,
    model: { preset: "small" },
    data: {
      train: { kind: "emoji", vendors: ["google", "twitter"] },
      batchSize: 64,
      captions: "first",
      background: white,
      augment: {
        scale: [0.6, 1],
        ratio: [0.85, 1.18],
        colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.4, hue: 0.03 },
      },
    },
    steps,
    optimizer: { kind: "adamw", weightDecay: 0.1 },
    schedule: { kind: "cosine", learningRate: 2e-3, warmupSteps: Math.ceil(steps / 12) },
    gradClipNorm: 1,
    checkpoint: { every: Math.max(50, Math.ceil(steps / 4)), keep: 1 },
  };
  return parseConfig(config, "the quickstart recipe");
}
