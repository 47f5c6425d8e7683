import type { Sample, SideFile, Unreadable } from "../shards/shard-set.ts";
import { imageEndings, isTextEnding } from "./group.ts";
import { readRecord, type IndexedFile } from "./index-records.ts";
import type { TarIndex } from "./tar-index-file.ts";

/** A tar on this machine, and which of its files are images. */
export interface TarShard {
  /** Unique in its set. */
  readonly name: string;
  readonly path: string;
  readonly index: TarIndex;
  /** Endings of images, the first that a sample has counts; the usual ones by default. */
  readonly images?: readonly string[] | undefined;
}

function chooseImage(files: readonly IndexedFile[], images: readonly string[]): IndexedFile | undefined {
  for (const ending of images) {
    const found = files.find((file) => file.ending === ending);
    if (found !== undefined) return found;
  }
  return undefined;
}

function withoutImage(files: readonly IndexedFile[], images: readonly string[]): Unreadable {
  const there = files.map(({ ending }) => ending).join(", ");
  return { reason: `it has no image: expected a file that ends in ${images.join(", ")}, it has ${there}` };
}

/** A sample of a tar; nothing is read. @throws ClipError "bad-argument" for a number that the index has not. */
export function tarSample({ name, path, index, images = imageEndings }: TarShard, number: number): Sample {
  const { key, files } = readRecord(index, number);
  const image = chooseImage(files, images);
  const beside = files.filter(({ ending }) => isTextEnding(ending));
  return {
    key: `${name}/${key}`,
    image: image === undefined ? withoutImage(files, images) : { path, offset: image.offset, length: image.length },
    texts: {
      files: beside.map(({ ending, offset, length }): SideFile => ({ ending, place: { path, offset, length } })),
    },
  };
}
