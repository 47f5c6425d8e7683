import { emojiSources, type EmojiSettings } from "../emoji/definition.ts";
import { parseConfig, type Settings, runOptions, type RunOptions } from "@clip-ts/trainer/training";

/** Colour put behind the drawings' transparent background, in training and in use. */
const white = [255, 255, 255];

/** Most steps of a run; fewer where they do not fit into its minutes. */
export const recipeSteps = 2200;

/** What the model learns from. */
export const drawings: EmojiSettings = {
  kind: "emoji",
  vendors: ["google", "google-2018", "google-2016", "twitter", "emojione", "openmoji"],
  locales: ["en"],
};

/** How many of which pairs a step is shown, and how. */
export const recipeData: Settings = {
  train: drawings,
  batchSize: 128,
  captions: "draw",
  background: white,
  view: {
    scale: [0.92, 1],
    ratio: [0.85, 1.18],
    rotation: 2,
    translation: 0.01,
    colorJitter: { brightness: 0.12, contrast: 0.12, saturation: 0.25, hue: 0.02 },
  },
};

/** What there is to say of a run of the recipe. */
export interface RecipeOptions {
  /** Folder of the run. */
  readonly run: string;
  readonly engine: string;
  readonly steps: number;
}

/** Settings of a quickstart run; the model learns six sets of drawings, another vendor's is never shown. */
export function recipeSettings({ run, engine, steps }: RecipeOptions): Settings {
  return {
    run,
    engine,
    model: { preset: "small-resnet", vocabSize: 4096 },
    data: recipeData,
    steps,
    optimizer: { kind: "muon", weightDecay: 0.3 },
    schedule: { kind: "cosine", learningRate: 3e-3, warmupSteps: Math.ceil(steps / 12) },
    gradClipNorm: 1,
    checkpoint: { every: Math.max(50, Math.ceil(steps / 4)), keep: 1 },
  };
}

/** A quickstart run. */
export function quickstartRecipe(options: RecipeOptions): RunOptions {
  return runOptions(parseConfig(recipeSettings(options), "the quickstart recipe", emojiSources), emojiSources);
}
