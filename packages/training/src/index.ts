export { checkpointOf, checkpointSlots, stateOf, type TrainingCheckpoint } from "./checkpoint.ts";
export {
  createTraining,
  stateLayout,
  type StepNumbers,
  type Training,
  type TrainingEngine,
  type TrainingOptions,
  type TrainingState,
} from "./create-training.ts";
export { diverged, type DivergedStep } from "./guards.ts";
export { gradientFunctions, type LeafView } from "./step-functions.ts";
export { createExplosionWatch, type ExplosionWatch } from "./guards.ts";
export { rowRanges, splitBatch, type InputNames, type RowRange } from "./split-batch.ts";
export { stepFunctions, type StepParts } from "./step-functions.ts";
export {
  modelParams,
  planTraining,
  type LearningOptions,
  type LoraOptions,
  type SpecsOf,
  type TrainingPlan,
} from "./training-plan.ts";
export { trainedModels, type TrainedModels } from "./checkpoint.ts";
export {
  train,
  type Evaluating,
  type LoopOptions,
  type Saving,
  type TakenStep,
  type Trainee,
} from "./train.ts";
