export type { AdamwConfig } from "./adamw.ts";
export type { SgdConfig } from "./sgd.ts";
export type { LionConfig } from "./lion.ts";
export { orthogonalByDefault, type MuonConfig } from "./muon.ts";
export { keepWithin, type Bounds } from "./bounds.ts";
export { createOptimizer } from "./create-optimizer.ts";
export type {
  LeafSettings,
  Optimizer,
  OptimizerConfig,
  OptimizerSlots,
  PerParameterConfig,
  UpdateInput,
} from "./optimizer.ts";
export type { Scalars, ScalarValue } from "./scalar-value.ts";
export { resolveByPath, type PathRules } from "./path-rules.ts";
export { decaysByDefault } from "./default-decay.ts";
export { createSchedule, type ScheduleConfig } from "./schedule.ts";
export { clipByGlobalNorm, globalNorm, type ClippedGrads } from "./clip-by-global-norm.ts";
export { clipFactor } from "./clip-factor.ts";
export { emaDecay, emaInit, emaUpdate } from "./ema.ts";
export type { LeafUpdate } from "./update-rule.ts";
export { interpolateWeights } from "./interpolate-weights.ts";
export {
  layerwiseMultipliers,
  lockedPaths,
  type TowerName,
  type UnlockedGroups,
} from "./layer-depths.ts";
export type { LeafTraits } from "./leaf-traits.ts";
export { loraSpec, loraTargets, mergeLora, type LoraConfig } from "./lora.ts";
export { mergeLoraArrays } from "./merge-lora-arrays.ts";
