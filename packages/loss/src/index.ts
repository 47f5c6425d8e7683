export {
  chunkedContrastiveLoss,
  type ChunkedContrastiveInputs,
} from "./chunked-contrastive-loss.ts";
export {
  chunkedDistillationLoss,
  type ChunkedDistillationInputs,
} from "./chunked-distillation-loss.ts";
export { contrastiveLoss, similarityLogits, type ContrastiveInputs } from "./contrastive-loss.ts";
export { distillationLoss, type DistillationInputs } from "./distillation-loss.ts";
export { matchingAccuracy } from "./matching-accuracy.ts";
export { multiPositiveLoss, type MultiPositiveInputs } from "./multi-positive-loss.ts";
export { pairGroups } from "./pair-groups.ts";
export type { TargetOptions } from "./pair-targets.ts";
export type { OneNumber } from "./numbers.ts";
export { sigmoidLoss, type SigmoidInputs } from "./sigmoid-loss.ts";
export { symmetricCrossEntropy } from "./symmetric-cross-entropy.ts";
