export { chunkedContrastiveLoss, type ChunkedContrastiveInputs } from "./chunked-contrastive-loss.ts";
export {
  chunkedDistillationLoss,
  distillationLoss,
  type ChunkedDistillationInputs,
  type DistillationInputs,
} from "./distillation-loss.ts";
export {
  contrastiveLoss,
  similarityLogits,
  matchingAccuracy,
  multiPositiveLoss,
  pairGroups,
  symmetricCrossEntropy,
  type ContrastiveInputs,
  type MultiPositiveInputs,
  type TargetOptions,
} from "./contrastive-loss.ts";
export { localContrastive, localDistillation, localSigmoid } from "./local/local-losses.ts";
export {
  localAccuracy,
  localLoss,
  localSlopes,
  localSums,
  type LocalLoss,
  type LocalSlopes,
  type LocalTerm,
  type RowSums,
} from "./local/local-loss.ts";
export type { LocalPairs, LogitBlock, Side } from "./local/local-pairs.ts";
export type { OneNumber, PairFeatures } from "./pairwise.ts";
export { sigmoidLoss, type SigmoidInputs } from "./sigmoid-loss.ts";
