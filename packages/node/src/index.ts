export {
  listCheckpoints,
  readCheckpointState,
  readSlots,
  saveCheckpoint,
  type Checkpoint,
  type SlotTrees,
} from "./checkpoint.ts";
export { decodeImage, type DecodeOptions } from "./decode-image.ts";
export {
  engineNames,
  type EngineName,
  type EngineStatus,
  type StartedEngine,
} from "./engine/engine.ts";
export { inspectEngines } from "./engine/inspect.ts";
export { startEngine } from "./engine/start.ts";
export { fileAccess, openFile, readJson, writeFileWhole, writeJson } from "./files.ts";
export {
  describeModel,
  loadModelParams,
  locateModel,
  needTokenizer,
  tokenizerFor,
  withWeights,
  writeDescription,
  writeModel,
  type ModelDescription,
} from "./model-folder.ts";
export { openClip, type ImageInput, type OpenClipOptions } from "./open-clip.ts";
