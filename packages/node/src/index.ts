export {
  damageOf,
  listCheckpoints,
  pruneCheckpoints,
  readCheckpointState,
  readHostSlots,
  saveCheckpoint,
  type Checkpoint,
} from "./checkpoint.ts";
export { decodeImage, imageLibraryVersions, type DecodeOptions } from "./decode-image.ts";
export {
  exportOnnxFolder,
  exportSavedModel,
  type OnnxFolderOptions,
  type WrittenFile,
  type ExportedModel,
} from "./export-model.ts";
export { fileAccess, listImages, readImageBytes, type FoundImages } from "./list-images.ts";
export {
  locateModel,
  openFiles,
  resolveModel,
  openModel,
  openTower,
  readArchitecture,
  readTokenizerAlone,
  storedModel,
  withWeights,
  type ResolveOptions,
  type Architecture,
  type OpenModelOptions,
} from "./open-model.ts";
export { lostElsewhere, modelCard, type CardOptions } from "./model-card.ts";
export { npyChunks } from "./npy.ts";
export { openClip, type ImageInput, type OpenClipOptions } from "./open-clip.ts";
export { checkpointFolder, markCheckpoint, lockRun, type RunLock } from "./run-folder.ts";
export {
  writeDescription,
  writeModel,
  writeTokenizer,
  openClipConfigFor,
  writeOpenClipDescription,
  writeRobertaDescription,
  writeTorchvisionDescription,
} from "./write-model.ts";
