export {
  contrastiveLoss,
  similarityLogits,
  symmetricCrossEntropy,
  type ContrastiveInputs,
} from "./contrastive-loss.ts";
export { matchingAccuracy } from "./matching-accuracy.ts";
export type { PairwiseInputs } from "./pairwise-inputs.ts";
export { sigmoidLoss, type SigmoidInputs } from "./sigmoid-loss.ts";
