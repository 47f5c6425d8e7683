import { reasonOf } from "../file-access.ts";
import type { OpenShard, Shard, Unreadable } from "./shard-set.ts";

/** Shards that are opened one after the other, each before it is needed. */
export interface OpenInOrder {
  /** A shard, or why it cannot be had. The next one is opened meanwhile. */
  at(place: number): Promise<OpenShard | Unreadable>;
  /** Closes all up to this one. */
  closeUpTo(place: number): Promise<void>;
}

/** None is open yet. */
export function openInOrder(shards: readonly Shard[]): OpenInOrder {
  const open = new Map<number, Promise<OpenShard | Unreadable>>();
  const start = (place: number): Promise<OpenShard | Unreadable> | undefined => {
    const shard = shards[place];
    if (shard === undefined || open.has(place)) return open.get(place);
    const opening = shard.open().catch((error: unknown) => ({ reason: reasonOf(error) }));
    open.set(place, opening);
    return opening;
  };
  return {
    at(place) {
      const opening = start(place)!;
      void opening.then(() => {
        if (open.has(place)) void start(place + 1);
      });
      return opening;
    },
    async closeUpTo(place) {
      for (const [other, opening] of open) {
        if (other > place) continue;
        open.delete(other);
        const shard = await opening;
        if (!("reason" in shard)) await shard.close().catch(() => undefined); // what was read of it was right
      }
    },
  };
}
