/** A part of a file that this process can read. */
export interface FileRange {
  readonly path: string;
  /** First byte. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** Bytes in a file, which whoever needs them reads, or in memory. */
export type BytesPlace = FileRange | { readonly bytes: Uint8Array };

/** Everything that is said of a sample, by name: `txt`, `json.caption`, a table's column. */
export type Texts = Readonly<Record<string, string>>;

/** A file beside an image that says something of it. */
export interface SideFile {
  /** Its name without the sample's key and the dot: `txt`, `json`, `fr.txt`. */
  readonly ending: string;
  readonly place: BytesPlace;
}

/** What is said of a sample: read already, or in files beside the image. */
export type TextsPlace = { readonly texts: Texts } | { readonly files: readonly SideFile[] };

/** Why there is nothing to read. */
export interface Unreadable {
  readonly reason: string;
}

/** One image, and what is said of it: where both lie, not yet read. */
export interface Sample {
  /** Unique in its set: the shard's name and the sample's own key, `00017/000170042`. */
  readonly key: string;
  readonly image: BytesPlace | Unreadable;
  readonly texts: TextsPlace;
}

/** A shard whose samples can be reached. */
export interface OpenShard {
  /** A sample; `index` from 0 up to the shard's number of samples. */
  sample(index: number): Promise<Sample>;
  /** Frees what it keeps in memory, and lets a cache drop its file. */
  close(): Promise<void>;
}

/** Samples that lie together: a tar, a row group of a Parquet file, a block of rows of a table. */
export interface Shard {
  /** Unique in its set. */
  readonly name: string;
  /** How many it has, known without opening it. */
  readonly samples: number;
  /** The file that it is in, as a path or address. */
  readonly place?: string;
  /** What tells its file's content from an earlier one. */
  readonly version?: string;
  /** Fetches the shard if it lies elsewhere. Rejects when it cannot be had: its samples are then unreadable. */
  open(): Promise<OpenShard>;
}

/** Shards that are drawn from together. */
export interface ShardGroup {
  /** Names the group in messages: the pattern that found it. */
  readonly label: string;
  readonly shards: readonly Shard[];
  /** How often its samples are drawn an epoch, on average: 1 for once, 0.5 for every second. Above 0. */
  readonly weight: number;
}

/** Pairs of any number in shards: only counts are in memory, samples are read when their turn comes. */
export interface ShardSet {
  readonly kind: "shards";
  /** Names the set in messages. */
  readonly label: string;
  readonly groups: readonly ShardGroup[];
  /** SHA-256 in hexadecimal of names, counts and versions of all shards: another set has another one. */
  readonly fingerprint: string;
}
