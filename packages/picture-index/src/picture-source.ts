import type { BytesPlace, LeftOut, Shard, Unreadable } from "@clip-ts/data";
import type { SourceReading } from "./source-reading.ts";

/** Where pictures come from: a folder or a file on this machine, or shards that somebody opened. */
export interface PictureSource {
  /** What the record calls it: an absolute path, a pattern or an address. */
  readonly path: string;
  /** Shards, as `openShardSet` of `@clip-ts/node` gives them, whose samples are the pictures. */
  readonly shards?: readonly Shard[];
  /** Tells the version of shards that do not know their own. */
  readonly fingerprint?: string;
  /** How it is read, which the record keeps; another reading than the record's is refused. */
  readonly reading?: SourceReading;
}

/** A picture that was found, not yet read. */
export interface FoundPicture {
  readonly id: string;
  readonly source: string;
  readonly folder: string;
  readonly label: string | null;
  /** What is taken for its date where EXIF has none. */
  readonly date: number | null;
  readonly bytes: number;
  readonly changed: number;
}

/** Some pictures: those of a folder, or of a shard. */
export interface OpenGroup {
  readonly pictures: readonly FoundPicture[];
  /** Where a picture's bytes are. */
  place(index: number): Promise<BytesPlace | Unreadable>;
  close(): Promise<void>;
}

/** Pictures that are not listed yet. */
export interface PictureGroup {
  readonly name: string;
  /** How many there are, at most. */
  readonly samples: number;
  open(): Promise<OpenGroup>;
}

/** What a source holds. */
export interface FoundSource {
  readonly path: string;
  readonly groups: readonly PictureGroup[];
  readonly leftOut: readonly LeftOut[];
  /** Whether an id is out of sight: in a folder that cannot be listed now. Its row stays as it is. */
  isOutOfSight(id: string): boolean;
}
