export type { CollectionPlace } from "./place.ts";
export { removeQdrantIndex } from "./remove-index.ts";
export { openQdrantIndex, type QdrantIndexOptions } from "./qdrant-index.ts";
