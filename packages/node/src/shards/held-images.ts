import type { BytesPlace, Unreadable } from "@clip-ts/data";
import { namePart, besidePlace } from "./places.ts";
import type { HeldFile, ShardStore } from "./shard-store.ts";

/** Images that lie in files of their own, held until their shard is closed. */
export interface HeldImages {
  /** The image that a table beside it names. */
  at(table: string, path: string): Promise<BytesPlace | Unreadable>;
  release(): void;
}

/** Holds nothing yet. */
export function createHeldImages(store: ShardStore): HeldImages {
  const held = new Map<string, HeldFile>();
  return {
    async at(table, path) {
      const place = besidePlace(table, path);
      try {
        const file = held.get(place) ?? (await store.hold(place));
        held.set(place, file);
        return { path: file.path, offset: 0, length: file.bytes };
      } catch (error) {
        return { reason: error instanceof Error ? error.message : `${namePart(place)} cannot be had` };
      }
    },
    release() {
      for (const file of held.values()) file.release();
      held.clear();
    },
  };
}
