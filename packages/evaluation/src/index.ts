export type { FeatureRows } from "@clip-ts/core";
export {
  confusionMatrix,
  shareRight,
  worstConfusions,
  evaluateZeroShot,
  type Confusion,
  type ConfusionMatrix,
  type ClassScore,
  type ZeroShotScores,
} from "./zero-shot-scores.ts";
export {
  alignment,
  diagnose,
  effectiveRank,
  modalityGap,
  uniformity,
  type EmbeddingDiagnostics,
} from "./diagnostics.ts";
export { pairLoss, type PairLossOptions } from "./pair-loss.ts";
export { countClasses, pickRows, nearestClasses } from "./class-rows.ts";
export { evaluateFewShot, type FewShotOptions, type FewShotScore } from "./few-shot.ts";
export { fitLinearProbe, predictClasses, type LinearProbe, type LinearProbeOptions } from "./linear-probe.ts";
export {
  sweepLinearProbe,
  splitRows,
  type LabelledRows,
  type SweepPoint,
  type SweepResult,
  type RowSplit,
} from "./probe-sweep.ts";
export { evaluateRetrieval, retrievalByChance, type RetrievalReport, type RetrievalScores } from "./retrieval.ts";
export {
  embedClasses,
  zeroShot,
  zeroShotConfusion,
  type EmbeddedClasses,
  type ImageClass,
  type NamedClassScore,
  type ZeroShotResult,
} from "./procedures/zero-shot.ts";
export {
  linearProbe,
  probeShortage,
  type ProbeResult,
  type ProbeTestOptions,
  type ProbeDemand,
  type ProbeShortage,
} from "./procedures/linear-probe.ts";
export {
  pairDiagnostics,
  retrieval,
  retrievalLoss,
  type CaptionedImage,
  type RetrievalOptions,
  type RetrievalResult,
} from "./procedures/retrieval.ts";
