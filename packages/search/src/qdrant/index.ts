export { removeQdrantIndex, type CollectionPlace } from "./connect.ts";
export { openQdrantIndex, type QdrantIndexOptions } from "./qdrant-index.ts";
