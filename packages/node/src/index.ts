export {
  compileTowers,
  engineEmbedder,
  engineTowers,
  type CompiledTowers,
  type TowerWeights,
} from "@clip-ts/inference";
export {
  damageOf,
  listCheckpoints,
  pruneCheckpoints,
  readCheckpointState,
  readHostSlots,
  saveCheckpoint,
  type Checkpoint,
} from "./checkpoint.ts";
export { decodeImage, type DecodeOptions } from "./decode-image.ts";
export { describedClip, type DescribedClipParts } from "./described-clip.ts";
export {
  engineNames,
  type Compiler,
  type Device,
  type EngineName,
  type EngineOptions,
  type EngineStatus,
  type Slowdown,
  type StartedEngine,
} from "./engine/engine.ts";
export { checkEngine, type EngineCheck } from "./engine/check.ts";
export { inspectEngines } from "./engine/inspect.ts";
export { refuseMissingEngine } from "./engine/refuse-missing.ts";
export { startEngine } from "./engine/start.ts";
export {
  exportOnnxFolder,
  type OnnxFolderOptions,
  type WrittenFile,
} from "./export/export-onnx-folder.ts";
export type { ExportedModel, OpenedModel } from "./export/exported-model.ts";
export { exportSavedModel } from "./export/export-saved-model.ts";
export { fileAccess, isDiskFault, openFile, readJson, writeFileWhole, writeJson } from "./files.ts";
export { imageLibraryVersions } from "./library-versions.ts";
export { isWebImage, readImageBytes, type FetchImageOptions } from "./read-image.ts";
export { listImages, type FoundImages } from "./list-images.ts";
export {
  describeModel,
  loadHostParams,
  loadModelParams,
  needTokenizer,
  tokenizerFor,
  writeDescription,
  writeModel,
  writeTokenizer,
  type LoadModelOptions,
  type ModelDescription,
} from "./model-folder.ts";
export { checkOrigin, isOpenaiArchive } from "./models/check-origin.ts";
export { locateModel, resolveModel } from "./models/locate-model.ts";
export {
  atResolution,
  configAtResolution,
  factsAtResolution,
  type ResizedModel,
} from "./models/at-resolution.ts";
export { loadHostTower, loadTower, type TowerSide } from "./models/load-tower.ts";
export { readArchitecture, type Architecture } from "./models/read-architecture.ts";
export {
  readPreprocess,
  type DescribeOptions,
  type ModelFacts,
} from "./models/read-description.ts";
export { readTokenizer, readTokenizerAlone } from "./models/read-tokenizer.ts";
export { isModelFile, modelFiles, tokenizerFiles } from "./models/model-files.ts";
export { checkStoredPositions, withStoredPositions } from "./models/stored-positions.ts";
export { withWeights } from "./models/weights-file.ts";
export { openClipConfigFor, writeOpenClipDescription } from "./models/write-open-clip.ts";
export { writeRobertaDescription, writeTorchvisionDescription } from "./models/write-tower.ts";
export {
  describeTower,
  loadHeadAlone,
  loadHostTowerAlone,
  loadTowerAlone,
  type TowerDescription,
} from "./models/describe-tower.ts";
export { downloadModel, type DownloadOptions } from "./hub/download-model.ts";
export type { DownloadProgress } from "./hub/download-file.ts";
export { isHubReference, parseHubReference, type HubReference } from "./hub/hub-reference.ts";
export { lostElsewhere, modelCard, type CardOptions } from "./hub/model-card.ts";
export { checkUpload, uploadFolder, type UploadOptions } from "./hub/upload-folder.ts";
export { hubSettings, type HubSettings, type RetryPolicy } from "./hub/hub-settings.ts";
export { npyChunks } from "./npy.ts";
export { lockRun, type RunLock } from "./run-lock.ts";
export { checkpointFolder, setCheckpointAside } from "./run-folder.ts";
export { openClip, type ImageInput, type OpenClipOptions } from "./open-clip.ts";
export { loadEmbedder } from "./load-embedder.ts";
export type { SetupOptions } from "./setup/setup-options.ts";
export { setupTensorflow } from "./setup/setup-tensorflow.ts";
export { tryEngine, tryEngines } from "./try-engine.ts";
