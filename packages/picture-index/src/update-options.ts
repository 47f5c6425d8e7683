import type { LeftOut } from "@clip-ts/data";
import type { Preprocessing } from "@clip-ts/image";
import type { BytesEmbedder } from "@clip-ts/inference";
import type { QueryEmbedders } from "@clip-ts/search";
import type { IndexRecord } from "./index-record.ts";
import type { PictureSource } from "./picture-source.ts";
import type { StoreChoice } from "./stores.ts";

/** What makes an index's vectors. */
export interface PictureModel {
  /** What the index calls it, in refusals too. */
  readonly name: string;
  /** Where it can be opened again: an absolute path, or hf:owner/name. */
  readonly place?: string;
  /** Of its files, as `hashModel` of `@clip-ts/node` gives it. */
  readonly sha256: string;
  /** Values of a row. */
  readonly dim: number;
  readonly preprocess: Preprocessing;
  /** As `bytesEmbedder` of `@clip-ts/inference` makes it. */
  readonly images: BytesEmbedder;
  /** Absent where the model reads no texts; then no cut-off for searches is measured. */
  readonly texts?: QueryEmbedders["texts"];
}

/** How far an update is. */
export interface UpdateProgress {
  /** Pictures that were embedded, or could not be read. */
  readonly done: number;
  /** Pictures that are as before. */
  readonly unchanged: number;
  /** Pictures that were found. */
  readonly total: number;
}

/** What `updatePictureIndex` takes. */
export interface UpdateOptions {
  /** The index's folder; made if need be. */
  readonly folder: string;
  readonly model: PictureModel;
  /** What is looked through. Pictures of other sources of the same index stay. */
  readonly sources: readonly PictureSource[];
  /** Sources, or folders below them, whose pictures leave. Absolute. */
  readonly forget?: readonly string[];
  /** Of a new index; of one that there is, what differs is refused. */
  readonly store?: StoreChoice;
  /** Turn photographs upright as their EXIF tag says: true for a new index by default. */
  readonly honourExif?: boolean | undefined;
  /** Embed all pictures anew with this model, beside the index, which serves until that is done. */
  readonly remaps?: boolean;
  /** Pictures embedded at a time; 32 by default. */
  readonly batch?: number;
  /** Threads that decode; one fewer than cores by default. */
  readonly threads?: number;
  readonly onProgress?: (progress: UpdateProgress) => void;
  /** Hears what a person should know. */
  readonly onNotice?: (notice: string) => void;
  /** Asked after each batch: what is embedded is kept, the rest waits for the next update. */
  readonly shouldStop?: () => boolean;
}

/** What an update did. Plain JSON. */
export interface IndexUpdate {
  readonly record: IndexRecord;
  /** Pictures in the index now. */
  readonly pictures: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly unchanged: number;
  /** What is in the index but could not be looked at: below folders that cannot be listed, in shards that cannot be opened. */
  readonly unseen: number;
  readonly leftOut: readonly LeftOut[];
  /** Shards that could not be opened, and why. */
  readonly failed: readonly string[];
}
