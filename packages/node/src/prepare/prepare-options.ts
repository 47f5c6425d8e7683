import type { CaptionChoice, LeftOut, ShardSet } from "@clip-ts/data";
import type { ImageForm } from "./make-image.ts";

/** One of several processes that share the work. */
export interface WorkPart {
  /** From 1. */
  readonly number: number;
  readonly of: number;
}

/** What is made, and of what. */
export interface PrepareOptions extends ImageForm {
  readonly set: ShardSet;
  /** A folder; it is made if it is not there. */
  readonly out: string;
  /** Samples of the set that go into a shard; 10,000 by default. Those that are left out leave it smaller. */
  readonly samples?: number | undefined;
  /** A tar that has so many bytes of files is ended, and the rest of its samples go on in `00017-1.tar`. */
  readonly bytes?: number | undefined;
  /** Which shards are made here; all by default. */
  readonly part?: WorkPart | undefined;
  /** Names of the texts that are captions; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  /** Keys of samples that are left out. */
  readonly skip?: ReadonlySet<string> | undefined;
  /** Keys are kept with their shard's name, because they are numbers of rows. */
  readonly keepsWholeKeys?: boolean | undefined;
  /** Images in the making at a time; twice libuv's threads (UV_THREADPOOL_SIZE) by default. */
  readonly concurrency?: number | undefined;
  /** Hears of each shard as it is done; `done` of `total` are. */
  readonly onShard?: ((shard: PreparedShard, done: number, total: number) => void) | undefined;
}

/** What became of the samples of one shard. Plain JSON. */
export interface ShardReport {
  /** Samples of the set. */
  readonly count: number;
  /** Samples in the tar of this name, as img2dataset calls them. */
  readonly successes: number;
  /** Samples in all tars of the shard. */
  readonly samples: number;
  /** Tars, more than one only where bytes are limited. */
  readonly tars: number;
  /** Bytes of these. */
  readonly bytes: number;
  /** Samples that were to be skipped. */
  readonly skipped: number;
  /** Samples whose key had to be changed, because another had it or a tar cannot hold it. */
  readonly renamed: number;
  /** Samples that are there without a caption. */
  readonly withoutCaption: number;
  readonly leftOut: readonly LeftOut[];
}

/** A shard that is there. */
export interface PreparedShard extends ShardReport {
  readonly name: string;
  /** Whether it was there already. */
  readonly wasKept: boolean;
}
