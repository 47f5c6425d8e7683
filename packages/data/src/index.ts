export { pairArrays, type PairArrays } from "./batch.ts";
export type { Batch, BatchStream, Cursor, SkippedImage } from "./batch.ts";
export type { DecodeImage, DirectoryEntry, FileAccess } from "./file-access.ts";
export { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";
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
  type ChosenImages,
  type FolderContent,
} from "./list-files.ts";
export { joinSources } from "./pair-source.ts";
export { folderSource, type FolderSourceOptions } from "./folder-source.ts";
export { tableSource, type TableFormat, type TableSourceOptions } from "./table-source.ts";
export type { Quoting } from "./read-table.ts";
export {
  emojiSource,
  emojiVendors,
  type EmojiSourceOptions,
  type EmojiVendor,
} from "./emoji-source.ts";
export { syntheticSource, type SyntheticSourceOptions } from "./synthetic-source.ts";
export { createBatches, type BatchesOptions } from "./create-batches.ts";
export { sequentialBatches, type SequentialOptions } from "./tensor-batches.ts";
export { tensorBatches, type NamedArray, type TensorBatchesOptions } from "./tensor-batches.ts";
