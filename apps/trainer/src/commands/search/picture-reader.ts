import { existsSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import { walkSamples, type BytesPlace } from "@clip-ts/data";
import { createRangeReader, localStore, openShardSet, readImageBytes, shardKindOf, storeFor } from "@clip-ts/node";

/** Reads pictures of an index by their ids. */
export interface PictureReader {
  /** The bytes of a picture's file. @throws ClipError where it is not there any more. */
  read(id: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The shard and the key of a sample's id, SHARD#KEY; undefined for a file, which may have such a name too. */
function sampleOf(id: string): { readonly shard: string; readonly key: string } | undefined {
  if (!id.includes("#") || existsSync(id)) return undefined;
  for (let at = id.indexOf("#"); at > 0; at = id.indexOf("#", at + 1)) {
    const shard = id.slice(0, at);
    if (shardKindOf(shard) !== undefined) return { shard, key: id.slice(at + 1) };
  }
  return undefined;
}

/** Ids of samples, by the shard that they lie in, each with its key. */
function byShard(ids: readonly string[]): Map<string, Map<string, string>> {
  const shards = new Map<string, Map<string, string>>();
  for (const id of ids) {
    const sample = sampleOf(id);
    if (sample === undefined) continue;
    const keys = shards.get(sample.shard) ?? new Map<string, string>();
    shards.set(sample.shard, keys.set(sample.key, id));
  }
  return shards;
}

/** Where the samples of one shard lie, by id; those that it has no more are left out. */
async function placesIn(shard: string, keys: ReadonlyMap<string, string>): Promise<Map<string, BytesPlace>> {
  const kind = shardKindOf(shard);
  if (kind === undefined) return new Map();
  const found = new Map<string, BytesPlace>();
  const store = storeFor(localStore);
  try {
    const set = await openShardSet({ kind, path: shard, store });
    const places = walkSamples(set, async ({ key, image }, place) => ({ key, image, name: place.shard.name }));
    for await (const { key, image, name } of places) {
      const id = keys.get(key.slice(name.length + 1)) ?? keys.get(key); // of a tar its own key, else with the shard's name
      if (id !== undefined && !("reason" in image)) found.set(id, image);
    }
    await set.close();
  } finally {
    await store.close();
  }
  return found;
}

/** Finds the samples among pictures of an index, and reads any of them. */
export async function openPictureReader(ids: readonly string[]): Promise<PictureReader> {
  const places = new Map<string, BytesPlace>();
  for (const [shard, keys] of byShard(ids)) {
    const found = await placesIn(shard, keys).catch(() => new Map<string, BytesPlace>()); // each of its pictures says so
    for (const [id, place] of found) places.set(id, place);
  }
  const ranges = createRangeReader();
  return {
    async read(id) {
      if (sampleOf(id) === undefined) return readImageBytes(id);
      const place = places.get(id);
      if (place === undefined)
        throw new ClipError("not-found", "its shard is not there any more, or has no such sample");
      return "bytes" in place ? place.bytes : ranges.read(place);
    },
    close: async () => ranges.close(),
  };
}
