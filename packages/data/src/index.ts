export {
  pairArrays,
  type PairArrays,
  type Batch,
  type BytePixels,
  type BatchStream,
  type Cursor,
  type SkippedImage,
} from "./batch.ts";
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
export { rowsOfPart, type BatchPart } from "./batch-part.ts";
export { createBatches, type BatchesOptions } from "./create-batches.ts";
export {
  sequentialBatches,
  tensorBatches,
  type SequentialOptions,
  type NamedArray,
  type TensorBatchesOptions,
} from "./tensor-batches.ts";
export type {
  BytesPlace,
  FileRange,
  OpenShard,
  Sample,
  Shard,
  ShardGroup,
  ShardSet,
  SideFile,
  Texts,
  TextsPlace,
  Unreadable,
} from "./shards/shard-set.ts";
export type {
  CaptionJob,
  ImageJob,
  JobFault,
  PixelSlot,
  RandomPath,
  ReadCaption,
  SampleWorkers,
} from "./shards/sample-workers.ts";
export { createShardBatches } from "./shards/shard-batches.ts";
export type { ShardBatchesOptions } from "./shards/shard-batches-options.ts";
export {
  sequentialShards,
  type FailedShard,
  type SampleParts,
  type SequentialBatch,
  type SequentialShardsOptions,
} from "./shards/sequential-shards.ts";
export type { LeftOutSample, ReadRun, SequentialWorkers } from "./shards/sample-run.ts";
export { inProcessWorkers, type InProcessWorkersOptions } from "./shards/in-process-workers.ts";
export { readTexts, type ReadBytes } from "./shards/read-texts.ts";
export { chooseCaption, usualCaptions, type CaptionChoice } from "./captions/choose.ts";
export { pairsOfShards, type PairsOfShardsOptions } from "./shards/pairs-of-shards.ts";
export type { ByteReader } from "./byte-reader.ts";
export type { ShardFacts } from "./shards/shard-facts.ts";
export { indexTar } from "./tar/index-tar.ts";
export { readRecord, type IndexedFile, type IndexedSample } from "./tar/index-records.ts";
export {
  indexHeadBytes,
  readIndexHead,
  readTarIndex,
  versionSum,
  writeTarIndex,
  type IndexHead,
  type TarIndex,
} from "./tar/tar-index-file.ts";
export { tarSample, type TarShard } from "./tar/tar-shard.ts";
export { openParquet } from "./parquet/open-parquet.ts";
export type { ParquetFile, RowGroup, RowImage } from "./parquet/row-groups.ts";
export type { ParquetColumns } from "./parquet/parquet-columns.ts";
export { scanTable, type TableForm, type TableScan } from "./table/scan-table.ts";
export {
  openTableBlock,
  usualImageColumns,
  type TableBlock,
  type TableBlockOptions,
  type TableSample,
} from "./table/table-block.ts";
export type { RowRange } from "./table/scan-rows.ts";
export { readMdsIndex, readMdsSample, type MdsColumns, type MdsSample, type MdsShard } from "./mds/mds-shard.ts";
export {
  createShardOpener,
  evenPositions,
  walkSamples,
  type SamplePlace,
  type ShardOpener,
  type WalkOptions,
} from "./shards/walk-samples.ts";
export { createDistribution, type Bar, type Distribution, type DistributionSummary } from "./survey/distribution.ts";
export { scriptOf } from "./survey/scripts.ts";
export { differenceHash } from "./survey/difference-hash.ts";
export { createHashes, findEqual, type EarlierOnes, type Hashes } from "./survey/duplicates.ts";
export { findNear, nearBits } from "./survey/near-duplicates.ts";
