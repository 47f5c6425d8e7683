import { ClipError } from "@clip-ts/base";
import type { VectorIndex } from "@clip-ts/search";
import { startOf } from "./list-folder.ts";
import type { FoundPicture, FoundSource, PictureSource } from "./picture-source.ts";
import { isBelow } from "./settle-record.ts";

/** Of a picture in the index what tells whether its file changed. */
export interface KnownPicture {
  readonly source: string;
  readonly bytes: number;
  readonly changed: number;
}

/** By id. Some 300 bytes a picture. */
export type KnownPictures = Map<string, KnownPicture>;

/** Everything that the index holds. */
export async function readKnown(vectors: VectorIndex): Promise<KnownPictures> {
  const known: KnownPictures = new Map();
  const sources = new Map<string, string>(); // one string for all pictures of a source
  for await (const rows of vectors.scan()) {
    for (const { id, fields } of rows) {
      const source = String(fields["source"]);
      if (!sources.has(source)) sources.set(source, source);
      const [bytes, changed] = [Number(fields["bytes"]), Number(fields["changed"])];
      known.set(id, { source: sources.get(source) ?? source, bytes, changed });
    }
  }
  return known;
}

/** A file of another size, or changed at another time, is another picture; its content is not compared. */
export const isSame = (known: KnownPicture | undefined, found: FoundPicture): boolean =>
  known?.bytes === found.bytes && known.changed === found.changed;

/** Ids of samples, which a folder around their shard does not list. */
const isSample = (id: string): boolean => /\.(?:tar|parquet|pq|csv|tsv|jsonl|ndjson|mds)(?:\.gz)?#/i.test(id);

/** Whether a picture of the index would be found in a source if it were still there. */
export function isOf({ path, shards }: PictureSource, id: string, { source }: KnownPicture): boolean {
  if (source === path) return true;
  return shards === undefined && id.startsWith(startOf(path)) && !isSample(id);
}

/** Ids below places, or in the shards that they name. */
export function idsBelow(known: KnownPictures, places: readonly string[]): string[] {
  const isIn = (id: string, source: string): boolean =>
    isBelow(id, places) || isBelow(source, places) || places.some((place) => id.startsWith(`${place}#`));
  return [...known].flatMap(([id, { source }]) => (isIn(id, source) ? [id] : []));
}

/**
 * A source that lies empty, though the index has pictures of it, is more likely a disk that is not there than a folder
 * whose pictures were all removed. @throws ClipError "bad-data" that says what to do in either case.
 */
export function refuseEmpty(source: PictureSource, found: FoundSource | ClipError, known: KnownPictures): void {
  if (!(found instanceof Error) && found.groups.length > 0) return;
  let count = 0;
  for (const [id, picture] of known) if (isOf(source, id, picture)) count++;
  const { path } = source;
  if (count > 0) {
    throw new ClipError(
      "bad-data",
      `${path} ${found instanceof Error ? "is not there" : "has no picture any more"}, but the index has ${count} of it. ` +
        `If it is on a disk that is not connected, connect it. If its pictures are gone for good, take them out: --forget ${path}`,
      { data: { path, count } },
    );
  }
  if (found instanceof Error) throw found;
  throw new ClipError("bad-data", `There is no picture in ${path} or the folders below.`, { data: { path } });
}
