/** What is known of a file without reading it. */
export interface FileFacts {
  readonly bytes: number;
  /** Another one when the file's content changes: its time of change, an ETag. */
  readonly version: string;
}

/** A whole file on this machine, kept for as long as it is held. */
export interface HeldFile extends FileFacts {
  readonly path: string;
  /** Lets a cache drop it. */
  release(): void;
}

/** Where shards lie: this machine's disk, a web server, an object store. Places are paths or addresses. */
export interface ShardStore {
  /** What is known of a file; undefined if there is none. Rejects when that cannot be found out. */
  facts(place: string): Promise<FileFacts | undefined>;
  /** A small file beside shards, such as a count; undefined if there is none. Rejects if it has more bytes than `most`. */
  readSmall(place: string, most: number): Promise<Uint8Array | undefined>;
  /**
   * Some bytes of a file, fewer at its end, without fetching the rest; undefined if there is none. For places that can
   * give a part: counts are then read from the beginning of an index, and from a Parquet file's footer.
   */
  readPart?(place: string, offset: number, length: number): Promise<Uint8Array | undefined>;
  /** The file on this machine: itself, or a copy in the cache. Rejects when it cannot be had. */
  hold(place: string): Promise<HeldFile>;
  /** The names of files in a folder (or under a prefix that ends in "/"), sorted; for places that can tell. */
  list?(folder: string): Promise<readonly string[]>;
  /** Ends what is being fetched. */
  close(): Promise<void>;
}
