export type {
  Condition,
  FieldKinds,
  Fields,
  FieldValue,
  Filter,
  Hit,
  IndexRows,
  SearchRequest,
  StoredRow,
  VectorIndex,
} from "./vector-index.ts";
export type { IndexFiles } from "./index-files.ts";
export { memoryFiles } from "./memory-files.ts";
export { openFlatIndex, type FlatIndexOptions } from "./flat/flat-index.ts";
export { isMergedMeanwhile } from "./flat/segments.ts";
export type { Query, QueryTerm } from "./query/query.ts";
export { parseQuery } from "./query/parse-query.ts";
export { formatQuery } from "./query/format-query.ts";
export { embedQuery, type QueryEmbedders } from "./query/embed-query.ts";
export { isBackgroundStale, measureBackground, type Background } from "./calibration/background.ts";
export { readBackground } from "./calibration/read-background.ts";
export { searchPictures, type Found, type PictureRequest, type SearchParts } from "./search-pictures.ts";
export { nearDuplicates, type DuplicateGroup, type DuplicateOptions } from "./near-duplicates.ts";
