export {
  chunkedContrastiveLoss,
  type ChunkedContrastiveInputs,
} from "./chunked-contrastive-loss.ts";
export { chunkedDistillationLoss, type ChunkedDistillationInputs } from "./distillation-loss.ts";
export { contrastiveLoss, similarityLogits, type ContrastiveInputs } from "./contrastive-loss.ts";
export { distillationLoss, type DistillationInputs } from "./distillation-loss.ts";
export { matchingAccuracy } from "./contrastive-loss.ts";
export { multiPositiveLoss, type MultiPositiveInputs } from "./contrastive-loss.ts";
export { pairGroups } from "./contrastive-loss.ts";
export type { TargetOptions } from "./contrastive-loss.ts";
export type { OneNumber } from "./pairwise.ts";
export { sigmoidLoss, type SigmoidInputs } from "./sigmoid-loss.ts";
export { symmetricCrossEntropy } from "./contrastive-loss.ts";
