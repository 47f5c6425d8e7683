export type { FeatureRows } from "@clip-ts/core";
export {
  confusionMatrix,
  shareRight,
  worstConfusions,
  type Confusion,
  type ConfusionMatrix,
} from "./zero-shot-scores.ts";
export {
  alignment,
  diagnose,
  effectiveRank,
  modalityGap,
  uniformity,
  type EmbeddingDiagnostics,
} from "./diagnostics.ts";
export { countClasses, pickRows } from "./class-rows.ts";
export { evaluateFewShot, type FewShotOptions, type FewShotScore } from "./few-shot.ts";
export {
  fitLinearProbe,
  predictClasses,
  type LinearProbe,
  type LinearProbeOptions,
} from "./linear-probe.ts";
export {
  sweepLinearProbe,
  type LabelledRows,
  type SweepPoint,
  type SweepResult,
} from "./probe-sweep.ts";
export { evaluateRetrieval, type RetrievalReport, type RetrievalScores } from "./retrieval.ts";
export { retrievalByChance } from "./retrieval.ts";
export { nearestClasses } from "./class-rows.ts";
export { splitRows, type RowSplit } from "./probe-sweep.ts";
export { evaluateZeroShot, type ClassScore, type ZeroShotScores } from "./zero-shot-scores.ts";
export { embedClasses, type EmbeddedClasses, type ImageClass } from "./procedures/zero-shot.ts";
export { linearProbe, type ProbeResult, type ProbeTestOptions } from "./procedures/linear-probe.ts";
export { probeShortage, type ProbeDemand, type ProbeShortage } from "./procedures/linear-probe.ts";
export {
  pairDiagnostics,
  retrieval,
  type CaptionedImage,
  type RetrievalOptions,
  type RetrievalResult,
} from "./procedures/retrieval.ts";
export {
  zeroShot,
  zeroShotConfusion,
  type NamedClassScore,
  type ZeroShotResult,
} from "./procedures/zero-shot.ts";
