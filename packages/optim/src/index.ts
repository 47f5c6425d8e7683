export type { AdamwConfig } from "./update-rules.ts";
export type { SgdConfig } from "./update-rules.ts";
export type { LionConfig } from "./update-rules.ts";
export { orthogonalByDefault, type MuonConfig } from "./muon.ts";
export { keepWithin, type Bounds } from "./leaf-updates.ts";
export { createOptimizer } from "./optimizer.ts";
export type {
  LeafSettings,
  Optimizer,
  OptimizerConfig,
  OptimizerSlots,
  PerParameterConfig,
  UpdateInput,
} from "./optimizer.ts";
export type { Scalars, ScalarValue } from "./schedule.ts";
export { resolveByPath, type PathRules } from "./leaf-rules.ts";
export { decaysByDefault } from "./leaf-rules.ts";
export { createSchedule, type ScheduleConfig } from "./schedule.ts";
export { clipByGlobalNorm, globalNorm, type ClippedGrads } from "./leaf-updates.ts";
export { clipFactor } from "./leaf-updates.ts";
export { emaDecay, emaInit, emaUpdate } from "./ema.ts";
export type { LeafUpdate } from "./update-rules.ts";
export { interpolateWeights } from "./ema.ts";
export {
  layerwiseMultipliers,
  lockedPaths,
  type TowerName,
  type UnlockedGroups,
} from "./leaf-rules.ts";
export type { LeafTraits } from "./leaf-rules.ts";
export { loraSpec, loraTargets, mergeLora, type LoraConfig } from "./lora.ts";
export { mergeLoraArrays } from "./lora.ts";
