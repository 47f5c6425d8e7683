export {
  contrastiveLoss,
  similarityLogits,
  symmetricCrossEntropy,
  type ContrastiveInputs,
} from "./contrastive-loss.ts";
export { matchingAccuracy } from "./matching-accuracy.ts";
