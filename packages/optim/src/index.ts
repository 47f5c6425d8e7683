export type { AdamwConfig, SgdConfig, LionConfig, LeafUpdate } from "./update-rules.ts";
export type { AdafactorConfig } from "./adafactor.ts";
export { orthogonalByDefault, type MuonConfig } from "./muon.ts";
export {
  keepWithin,
  clipByGlobalNorm,
  globalNorm,
  clipFactor,
  type Bounds,
  type ClippedGrads,
} from "./leaf-updates.ts";
export {
  createOptimizer,
  type LeafSettings,
  type Optimizer,
  type OptimizerConfig,
  type OptimizerSlots,
  type PerParameterConfig,
  type UpdateInput,
} from "./optimizer.ts";
export { createSchedule, type Scalars, type ScalarValue, type ScheduleConfig } from "./schedule.ts";
export {
  resolveByPath,
  decaysByDefault,
  layerwiseMultipliers,
  lockedPaths,
  type PathRules,
  type TowerName,
  type UnlockedGroups,
  type LeafTraits,
} from "./leaf-rules.ts";
export { emaDecay, emaInit, emaUpdate, interpolateWeights } from "./ema.ts";
export { loraSpec, loraTargets, mergeLora, mergeLoraArrays, type LoraConfig } from "./lora.ts";
