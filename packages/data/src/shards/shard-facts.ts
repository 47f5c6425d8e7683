/** What tells one state of a shard's file from another. */
export interface ShardFacts {
  readonly bytes: number;
  /** Another one when the content changes: a time of change, an ETag. */
  readonly version: string;
}
