export {
  damageOf,
  listCheckpoints,
  pruneCheckpoints,
  readCheckpointState,
  readHostSlots,
  saveCheckpoint,
  type Checkpoint,
} from "./checkpoint.ts";
export { createDecodePool, type DecodePoolOptions } from "./decode-pool/pool.ts";
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
export { npyChunks, npyHead } from "./npy.ts";
export { createNpyWriter, openNpy, type NpyFile, type NpyWriter } from "./npy-file.ts";
export { downloadPublished, findPublished } from "./published-models.ts";
export { openClip, type ImageInput, type OpenClipOptions } from "./open-clip.ts";
export { defaultCacheFolder, type RemoteCounts, type RemoteOptions, type S3Options } from "./remote/remote-options.ts";
export { checkPrecision, loadProved, type LoadProvedOptions, type RunningEngine } from "./self-check/load-proved.ts";
export { copySelfCheck, proofOf, writeSelfCheck } from "./self-check/write-self-check.ts";
export { storeFor, type EveryStore } from "./remote/store-for.ts";
export { checkpointFolder, markCheckpoint, lockRun, runHolder, type RunLock } from "./run-folder.ts";
export {
  writeDescription,
  writeModel,
  writeTokenizer,
  openClipConfigFor,
  writeOpenClipDescription,
  writeRobertaDescription,
  writeTorchvisionDescription,
} from "./write-model.ts";
export { openShardSet, type OpenShardSet, type ShardSetOptions, type WeightedPath } from "./shards/open-shard-set.ts";
export { shardKindOf, shardKindOfFolder, type ShardSetKind } from "./shards/shard-kinds.ts";
export { isAddress } from "./shards/places.ts";
export { localStore } from "./shards/local-store.ts";
export type { FileFacts, HeldFile, ShardStore } from "./shards/shard-store.ts";
export { writeTar, type TarSampleFiles } from "./shards/write-tar.ts";
export { writeTarIndexes, type IndexedShard, type TarIndexOptions } from "./shards/write-tar-indexes.ts";
export { createRangeReader, type RangeReader } from "./decode-pool/read-range.ts";
export { hashModel } from "./hash-model.ts";
export { readPictureFacts, type PictureFacts } from "./picture-facts.ts";
export { readImageHead, type ImageHead } from "./image-head.ts";
export { imageFormats, makeImage, type ImageForm, type MadeImage } from "./prepare/make-image.ts";
export { prepareShards } from "./prepare/prepare-shards.ts";
export type { PreparedShard, PrepareOptions, ShardReport, WorkPart } from "./prepare/prepare-options.ts";
export { shardsOfPairs } from "./prepare/shards-of-pairs.ts";
export { checkSet, markedKeys, sampleMarks, type CheckOptions, type CheckResult } from "./survey/check-set.ts";
export type { BrokenReason, BrokenSamplePlace } from "./survey/reasons.ts";
export { measureSet, type MeasureOptions, type Measures } from "./survey/measure-set.ts";
export type { Counts } from "./survey/counts.ts";
