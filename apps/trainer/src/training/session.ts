import type { Batch } from "@clip-ts/data";
import type { StepNumbers, TrainedModels, TrainingPlan, TrainingState } from "@clip-ts/training";

/** A run's model being trained, on batches of pairs. */
export interface TrainingSession {
  readonly plan: TrainingPlan;
  /** Steps taken so far. */
  readonly steps: () => number;
  /** One optimiser step. @throws ClipError "diverged", with the state as it was before. */
  readonly step: (batch: Batch) => Promise<StepNumbers>;
  /** The state, to be used before the next step. */
  readonly read: () => Promise<TrainingState>;
  /** The models as they are now, for as long as `measure` runs. */
  readonly evaluate: <Result>(
    measure: (models: TrainedModels) => Promise<Result>,
  ) => Promise<Result>;
  /** Frees the state. */
  readonly dispose: () => void;
}
