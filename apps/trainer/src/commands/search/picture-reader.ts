import { existsSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import { walkSamples, type BytesPlace, type Sample, type Shard } from "@clip-ts/data";
import { createRangeReader, readImageBytes, shardKindOf } from "@clip-ts/node";
import type { IndexRecord, SourceReading } from "@clip-ts/picture-index";
import { openShards } from "../../config/open-shards.ts";

type RangeReader = ReturnType<typeof createRangeReader>;

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

/** How the source that a shard belongs to is read: the longest one whose path begins the shard's. */
function readingFor(
  shard: string,
  { sources, readings = {} }: Pick<IndexRecord, "sources" | "readings">,
): SourceReading {
  const within = sources.filter((path) => shard === path || shard.startsWith(path.replace(/[/\\]*$/, "/")));
  const nearest = within.toSorted((a, b) => b.length - a.length)[0];
  return (nearest === undefined ? undefined : readings[nearest]) ?? {};
}

/** A wanted sample of a shard, and where its picture lies for as long as the shard's file does. */
function pictureOf(
  { key, image }: Sample,
  {
    shard,
    keys,
    ranges,
  }: { readonly shard: Shard; readonly keys: ReadonlyMap<string, string>; readonly ranges: RangeReader },
): readonly [id: string, place: BytesPlace] | undefined {
  const id = keys.get(key.slice(shard.name.length + 1)) ?? keys.get(key); // of a tar its own key, else with the shard's name
  if (id === undefined || "reason" in image) return undefined;
  const isKept = "bytes" in image || shardKindOf(shard.place ?? "") === "webdataset";
  // What was unpacked of a Parquet file goes when the shard is closed.
  return [id, isKept ? image : { bytes: ranges.read(image).slice() }];
}

/** Where the pictures of one shard lie, by id; those that it has no more are left out. */
async function placesIn(
  shard: string,
  keys: ReadonlyMap<string, string>,
  { reading, ranges }: { readonly reading: SourceReading; readonly ranges: RangeReader },
): Promise<Map<string, BytesPlace>> {
  const found = new Map<string, BytesPlace>();
  const { endpoint, anonymous, ...read } = reading;
  const set = await openShards({ ...read, kind: shardKindOf(shard), path: shard }, { endpoint, anonymous });
  try {
    const pictures = walkSamples(set, async (sample, place) => pictureOf(sample, { shard: place.shard, keys, ranges }));
    for await (const picture of pictures) if (picture !== undefined) found.set(...picture);
  } finally {
    await set.close();
  }
  return found;
}

/** Finds the samples among pictures of an index, each as its source is read, and reads any of them. */
export async function openPictureReader(
  ids: readonly string[],
  record: Pick<IndexRecord, "sources" | "readings">,
): Promise<PictureReader> {
  const ranges = createRangeReader();
  const places = new Map<string, BytesPlace>();
  for (const [shard, keys] of byShard(ids)) {
    const how = { reading: readingFor(shard, record), ranges };
    // Of a shard that cannot be read each of its pictures says so.
    const found = await placesIn(shard, keys, how).catch(() => new Map<string, BytesPlace>());
    for (const [id, place] of found) places.set(id, place);
  }
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
