export {
  pictureFields,
  readRecord as readIndexRecord,
  refuseOtherModel,
  type IndexRecord,
  type RecordFile,
  type StoreName,
  type StoreRecord,
} from "./index-record.ts";
export { openPictureIndex, type PictureIndex } from "./picture-index.ts";
export { refuseOtherReading, type SourceReading } from "./source-reading.ts";
export { updatePictureIndex } from "./update-picture-index.ts";
export type { IndexUpdate, PictureModel, UpdateOptions, UpdateProgress } from "./update-options.ts";
export type { PictureSource } from "./picture-source.ts";
export type { StoreChoice } from "./stores.ts";
