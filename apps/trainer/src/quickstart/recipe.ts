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
    model: { preset: "small-resnet", vocabSize: 4096 },
    data: {
      train: { kind: "emoji", vendors: ["google", "twitter"] },
      batchSize: 128,
      captions: "first",
      background: white,
      view: {
        scale: [0.6, 1],
        ratio: [0.85, 1.18],
        rotation: 6,
        translation: 0.03,
        colorJitter: { brightness: 0.25, contrast: 0.25, saturation: 0.5, hue: 0.04 },
      },
    },
    steps,
    optimizer: { kind: "adamw", weightDecay: 0.1 },
    schedule: { kind: "cosine", learningRate: 3e-3, warmupSteps: Math.ceil(steps / 12) },
    gradClipNorm: 1,
    checkpoint: { every: Math.max(50, Math.ceil(steps / 4)), keep: 1 },
  };
  return parseConfig(config, "the quickstart recipe");
}
