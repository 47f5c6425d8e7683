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
export { exportOnnxFolder, type OnnxFolderOptions, type WrittenFile } from "./export-model.ts";
export { exportSavedModel } from "./export-model.ts";
export type { ExportedModel } from "./export-model.ts";
export { fileAccess } from "./list-images.ts";
export { imageLibraryVersions } from "./decode-image.ts";
export { listImages, type FoundImages } from "./list-images.ts";
export { locateModel, openFiles, resolveModel, type ResolveOptions } from "./open-model.ts";
export { lostElsewhere, modelCard, type CardOptions } from "./model-card.ts";
export { npyChunks } from "./npy.ts";
export { openClip, type ImageInput, type OpenClipOptions } from "./open-clip.ts";
export {
  openModel,
  openTower,
  readArchitecture,
  readTokenizerAlone,
  storedModel,
  withWeights,
  type Architecture,
  type OpenModelOptions,
} from "./open-model.ts";
export { readImageBytes } from "./list-images.ts";
export { checkpointFolder, markCheckpoint } from "./run-folder.ts";
export { lockRun, type RunLock } from "./run-folder.ts";
export { writeDescription, writeModel, writeTokenizer } from "./write-model.ts";
export { openClipConfigFor, writeOpenClipDescription } from "./write-model.ts";
export { writeRobertaDescription, writeTorchvisionDescription } from "./write-model.ts";
