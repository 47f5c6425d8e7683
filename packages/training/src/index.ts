export {
  checkpointOf,
  checkpointSlots,
  stateOf,
  trainedModels,
  type TrainingCheckpoint,
  type TrainedModels,
} from "./checkpoint.ts";
export {
  createTraining,
  stateLayout,
  type StateLayout,
  type StepNumbers,
  type Training,
  type TrainingEngine,
  type TrainingOptions,
  type TrainingState,
} from "./create-training.ts";
export { diverged, createExplosionWatch, type DivergedStep, type ExplosionWatch } from "./guards.ts";
export { gradientFunctions, stepFunctions, type LeafView, type StepParts } from "./step-functions.ts";
export { rowRanges, splitBatch, type InputNames, type RowRange } from "./split-batch.ts";
export {
  modelParams,
  planTraining,
  type LearningOptions,
  type LoraOptions,
  type SpecsOf,
  type TrainingPlan,
} from "./training-plan.ts";
export { train, type Evaluating, type LoopOptions, type Saving, type TakenStep, type Trainee } from "./train.ts";
