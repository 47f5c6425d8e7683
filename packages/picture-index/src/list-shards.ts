import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, dirname, posix } from "node:path";
import type { BytesPlace, OpenShard, Sample, Shard, Unreadable } from "@clip-ts/data";
import { createRangeReader, shardKindOf } from "@clip-ts/node";
import type { FoundPicture, FoundSource, OpenGroup, PictureSource } from "./picture-source.ts";

/** What tells a version from another as a number, which a field can hold: 48 bits of its SHA-256. */
const numberOf = (version: string): number => createHash("sha256").update(version).digest().readUIntBE(0, 6);

const bytesOf = (image: BytesPlace | Unreadable): number => {
  if ("reason" in image) return 0;
  return "bytes" in image ? image.bytes.length : image.length;
};

/** Names that data sets give a picture's class by. */
const labelNames = ["cls", "label", "class", "json.label"];

/** What a sample says that it shows. */
function labelOf({ texts }: Sample, reader: ReturnType<typeof createRangeReader>): string | null {
  if ("texts" in texts) return labelNames.map((name) => texts.texts[name]).find((text) => text !== undefined) ?? null;
  const file = texts.files.find(({ ending }) => labelNames.includes(ending));
  if (file === undefined) return null;
  const bytes = "bytes" in file.place ? file.place.bytes : reader.read(file.place);
  return new TextDecoder().decode(bytes).trim();
}

/** How the ids of a shard's samples begin. */
const startOfIds = (source: string, { place = source }: Shard): string => `${place}#`;

/** The time of a file that is one picture, as tables name them; of parts of a shard the shard's own version tells. */
async function changedOf(image: BytesPlace | Unreadable, shard: Shard, version: number): Promise<number> {
  if (!("path" in image) || image.path === shard.place || !isTable(shard)) return version;
  return stat(image.path).then(
    ({ mtimeMs }) => Math.trunc(mtimeMs),
    () => version,
  );
}

const isTable = ({ place = "" }: Shard): boolean => ["csv", "tsv", "jsonl"].includes(shardKindOf(place) ?? "");

async function listSamples(source: PictureSource, shard: Shard, opened: OpenShard): Promise<FoundPicture[]> {
  const version = numberOf(shard.version ?? source.fingerprint ?? "");
  const isTar = shardKindOf(shard.place ?? "") === "webdataset";
  const reader = createRangeReader();
  try {
    const pictures: FoundPicture[] = [];
    for (let index = 0; index < shard.samples; index++) {
      const sample = await opened.sample(index);
      const own = `${shard.name}/`;
      const key = isTar && sample.key.startsWith(own) ? sample.key.slice(own.length) : sample.key;
      const folder = posix.dirname(key);
      pictures.push({
        id: startOfIds(source.path, shard) + key,
        source: source.path,
        folder: folder === "." ? "" : `${folder}/`,
        label: labelOf(sample, reader) ?? (folder === "." ? null : basename(dirname(key))),
        date: null,
        bytes: bytesOf(sample.image),
        changed: await changedOf(sample.image, shard, version),
      });
    }
    return pictures;
  } finally {
    reader.close();
  }
}

/** Opens a shard and lists its samples: by its index, not by reading pictures. */
async function openGroup(source: PictureSource, shard: Shard): Promise<OpenGroup> {
  const opened = await shard.open();
  try {
    const pictures = await listSamples(source, shard, opened);
    return { pictures, place: async (index) => (await opened.sample(index)).image, close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Samples of shards, a group for each. Nothing is opened until its turn comes. */
export function listShards(source: PictureSource, shards: readonly Shard[]): FoundSource {
  return {
    path: source.path,
    groups: shards.map((shard) => ({
      name: startOfIds(source.path, shard),
      samples: shard.samples,
      open: () => openGroup(source, shard),
    })),
    leftOut: [],
    isOutOfSight: () => false,
  };
}
