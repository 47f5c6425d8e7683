export {
  atResolution,
  configAtResolution,
  describedClip,
  loadEmbedder,
  loadHostParams,
  loadModelParams,
  modelIn,
  openModelIn,
  type DescribedClipParts,
  type Model,
  type ModelDescription,
} from "./model.ts";
export { checkOrigin, isOpenaiArchive, warnOnce } from "./from-weights.ts";
export {
  clipFunctions,
  clipGraph,
  transformersConfig,
  type ClipFunction,
  type ClipFunctions,
  type TransformersSettings,
} from "./clip-graphs.ts";
export { graphEmbedder, type GraphEmbedderParts, type RunsGraphs } from "./stored-graphs/graph-embedder.ts";
export { transformersNames } from "@clip-ts/base";
export type { StoredGraphs } from "./stored-graphs/graph-files.ts";
export { withParts, type OtherParts } from "./with-parts.ts";
export { checkBatches } from "./check-batches.ts";
export { bytesEmbedder, type BytesEmbedder, type BytesEmbedderParts } from "./bytes-embedder.ts";
export { compileEmbedder } from "./compile-embedder.ts";
export { embedderOnDemand } from "./embedder-on-demand.ts";
export {
  compileTowers,
  engineEmbedder,
  engineTowers,
  type CompiledTowers,
  type TowerWeights,
} from "./compiled-towers.ts";
export {
  loadHostTower,
  loadTower,
  loadHeadAlone,
  loadHostTowerAlone,
  loadTowerAlone,
  openTowerIn,
  type TowerSide,
  type StoredTower,
  type TowerDescription,
} from "./tower.ts";
export { closing, withWeightsIn, type LazyWeights, type ModelFiles, type OpenSource } from "./model-files.ts";
export { checkStoredPositions, withStoredPositions } from "./positions.ts";
export {
  readConfigFile,
  readDescription,
  readPreprocess,
  type ConfigFile,
  readConfigs,
  type DescribeOptions,
  type ModelFacts,
} from "./read-description.ts";
export {
  needTokenizer,
  readTokenizer,
  readWhole,
  tokenizerFor,
  type FoundTokenizer,
  type MissingTokenizer,
} from "./read-tokenizer.ts";
export { selfCheckFile } from "@clip-ts/base";
export {
  formatSelfCheck,
  parseSelfCheck,
  type CheckedCaptions,
  type CheckedPictures,
  type CheckMaker,
  type CheckPrecision,
  type SelfCheck,
} from "./self-check/file.ts";
export {
  makeSelfCheck,
  runSelfCheck,
  withoutPictures,
  type CheckedModel,
  type SelfCheckFault,
  type SelfCheckResult,
} from "./self-check/self-check.ts";
export {
  openProved,
  type OnEngine,
  type ProveParts,
  type RefusedEngines,
  type SelfCheckWhen,
} from "./self-check/prove.ts";
