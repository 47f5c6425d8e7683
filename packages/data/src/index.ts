export type { Batch, BatchStream, Cursor, SkippedImage } from "./batch.ts";
export type { DecodeImage, DirectoryEntry, FileAccess } from "./file-access.ts";
export { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";
export { joinSources } from "./join-sources.ts";
export { folderSource, type FolderSourceOptions } from "./folder-source.ts";
export { tableSource, type TableFormat, type TableSourceOptions } from "./table-source.ts";
export {
  emojiSource,
  emojiVendors,
  type EmojiSourceOptions,
  type EmojiVendor,
} from "./emoji-source.ts";
export { syntheticSource, type SyntheticSourceOptions } from "./synthetic-source.ts";
export { createBatches, type BatchesOptions } from "./create-batches.ts";
export { sequentialBatches, type SequentialOptions } from "./sequential-batches.ts";
export { tensorBatches, type NamedArray, type TensorBatchesOptions } from "./tensor-batches.ts";
