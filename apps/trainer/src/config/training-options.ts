import { clipSpec, type ClipConfig, type ClipParams } from "@clip-ts/model";
import type { PairInputs, SharedInputs } from "@clip-ts/model";
import { planTraining, type LearningOptions, type TrainingOptions } from "@clip-ts/training";
import { runObjective, type ObjectiveOptions } from "./objective.ts";
import { optimizerConfig, type OptimizerOptions } from "./optimizer.ts";

/** How a run trains whatever model it has. */
export interface RunTrainingOptions
  extends
    LearningOptions,
    Pick<
      TrainingOptions<ClipParams, PairInputs, SharedInputs>,
      "seed" | "schedule" | "clipNorm" | "ema" | "accumulate" | "checkpointing"
    > {
  readonly objective: ObjectiveOptions;
  readonly optimizer: OptimizerOptions;
}

/** What the training library takes. */
export type ClipTrainingOptions = TrainingOptions<ClipParams, PairInputs, SharedInputs>;

/** The same for a model of this architecture. */
export function clipTraining(
  { objective, optimizer, ...options }: RunTrainingOptions,
  clip: ClipConfig,
): ClipTrainingOptions {
  const spec = clipSpec(clip);
  return {
    ...options,
    spec,
    objective: runObjective(objective, clip),
    optimizer: optimizerConfig(optimizer, planTraining(spec, options)),
  };
}
