import type { LeftOut } from "@clip-ts/data";
import { countFilesOf } from "./count-files.ts";
import { findShards } from "./find-shards.ts";
import { splitPatterns } from "./places.ts";
import { inParallel, type SetContext } from "./set-context.ts";
import { indexOf } from "./tar-indexes.ts";

/** One shard that was indexed. */
export interface IndexedShard {
  readonly place: string;
  readonly samples: number;
  /** Bytes of the shard. */
  readonly bytes: number;
  /** How many samples a file of another program beside it says that it has; undefined where none does. */
  readonly stated: number | undefined;
  readonly leftOut: readonly LeftOut[];
  /** Whether its index was right already. */
  readonly wasKept: boolean;
  /** False where the index could be written neither beside the shard nor in the cache folder. */
  readonly isKept: boolean;
}

/** What indexing needs. */
export interface TarIndexOptions extends Pick<SetContext, "store" | "cacheFolder"> {
  /** Shards read at a time; 2 by default. */
  readonly concurrency?: number;
  /** Make indexes anew that are right already. */
  readonly force?: boolean;
  /** Hears of each shard as it is done. */
  readonly onShard?: (shard: IndexedShard, done: number, total: number) => void;
  /** Hears of a shard that cannot be indexed; the others go on. Without it, the first is thrown. */
  readonly onFailure?: (place: string, error: unknown) => void;
}

/**
 * Indexes WebDataset tars: each in one pass, its index beside it or in the cache folder. Shards whose index is right
 * are left as they are, so an interrupted run goes on where it was.
 * @throws ClipError "not-found" for patterns that stand for no file, and what a shard's indexing throws.
 */
export async function writeTarIndexes(pattern: string, options: TarIndexOptions): Promise<readonly IndexedShard[]> {
  const { store, cacheFolder, concurrency = 2, force = false, onShard, onFailure } = options;
  const places: string[] = [];
  for (const one of splitPatterns(pattern)) places.push(...(await findShards(store, one, /\.tar$/i)));
  const countFiles = countFilesOf(store);
  let done = 0;
  const shards = await inParallel(places, concurrency, async (place): Promise<IndexedShard | undefined> => {
    try {
      const held = await store.hold(place);
      try {
        const { index, wasKept, isKept } = await indexOf(place, held, { store, cacheFolder }, force);
        const stated = await countFiles(place);
        const { samples, leftOut } = index;
        const shard = { place, samples, bytes: held.bytes, stated, leftOut, wasKept, isKept };
        onShard?.(shard, ++done, places.length);
        return shard;
      } finally {
        held.release();
      }
    } catch (error) {
      if (onFailure === undefined) throw error;
      onFailure(place, error);
      return undefined;
    }
  });
  return shards.filter((shard) => shard !== undefined);
}
