import type { LeftOut } from "@clip-ts/data";
import type { ShardStore } from "./shard-store.ts";

/** What all shards of a set share. */
export interface SetContext {
  readonly store: ShardStore;
  /** A folder for indexes, and for what is unpacked. */
  readonly cacheFolder?: string | undefined;
  /** Endings or columns of images. */
  readonly image?: readonly string[] | undefined;
  /** Columns of captions. */
  readonly captions?: readonly string[] | undefined;
  /** Hears what a person should know: a count that is wrong, a shard that is cut. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** Hears what of a shard is left out, each time that it is opened. */
  readonly onLeftOut?: ((shard: string, leftOut: readonly LeftOut[]) => void) | undefined;
}

/** Does something for all of a list, so many at a time; results in its order. */
export async function inParallel<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
