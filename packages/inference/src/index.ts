export { atResolution, configAtResolution } from "./model.ts";
export { checkOrigin, isOpenaiArchive, warnOnce } from "./from-weights.ts";
export { clipFunctions, type ClipFunction, type ClipFunctions } from "./clip-graphs.ts";
export { clipGraph } from "./clip-graphs.ts";
export { compileEmbedder } from "./compile-embedder.ts";
export { compileTowers, type CompiledTowers, type TowerWeights } from "./compiled-towers.ts";
export { engineEmbedder, engineTowers } from "./compiled-towers.ts";
export { loadHostTower, loadTower, type TowerSide } from "./tower.ts";
export {
  closing,
  withWeightsIn,
  type LazyWeights,
  type ModelFiles,
  type OpenSource,
} from "./model-files.ts";
export {
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
export { checkStoredPositions, withStoredPositions } from "./positions.ts";
export {
  readConfigFile,
  readDescription,
  readPreprocess,
  type ConfigFile,
  type DescribeOptions,
  type ModelFacts,
} from "./read-description.ts";
export {
  needTokenizer,
  readTokenizer,
  tokenizerFor,
  type FoundTokenizer,
  type MissingTokenizer,
} from "./read-tokenizer.ts";
export {
  loadHeadAlone,
  loadHostTowerAlone,
  loadTowerAlone,
  openTowerIn,
  type StoredTower,
  type TowerDescription,
} from "./tower.ts";
export { transformersConfig, transformersNames, type TransformersSettings } from "./clip-graphs.ts";
