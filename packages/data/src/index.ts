export { pairArrays, type PairArrays, type Batch, type BatchStream, type Cursor, type SkippedImage } from "./batch.ts";
export type { DecodeImage, DirectoryEntry, FileAccess } from "./file-access.ts";
export { pairSource, joinSources, type PairRecord, type PairSource } from "./pair-source.ts";
export {
  createTally,
  joinLeftOut,
  leftOutLines,
  type LeftOut,
  type LeftOutItem,
  type LeftOutKind,
  type LeftOutTally,
} from "./left-out.ts";
export { checkSkipped, skipLimit, type MaxSkipped, type TooMany } from "./skipped-images.ts";
export {
  imagesAmong,
  listFiles,
  listOneFolder,
  folderSource,
  type ChosenImages,
  type FolderContent,
  type FolderSourceOptions,
} from "./folder-source.ts";
export { tableSource, type TableFormat, type TableSourceOptions } from "./table-source.ts";
export type { Quoting } from "./read-table.ts";
export { syntheticSource, type SyntheticSourceOptions } from "./synthetic-source.ts";
export { createBatches, type BatchesOptions } from "./create-batches.ts";
export {
  sequentialBatches,
  tensorBatches,
  type SequentialOptions,
  type NamedArray,
  type TensorBatchesOptions,
} from "./tensor-batches.ts";
