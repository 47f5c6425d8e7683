import { availableParallelism } from "node:os";
import {
  sequentialShards,
  type LeftOutTally,
  type SampleWorkers,
  type SequentialBatch,
  type Shard,
} from "@clip-ts/data";
import { createDecodePool, createRangeReader, readPictureFacts, type PictureFacts } from "@clip-ts/node";
import type { Fields } from "@clip-ts/search";
import type { FoundPicture, OpenGroup } from "./picture-source.ts";
import type { RowWriter } from "./row-writer.ts";
import type { PictureModel, UpdateOptions } from "./update-options.ts";

/** Batches that are read and decoded while one is embedded. */
const prefetch = 2;

/** What turns pictures into rows. */
export interface Embedding {
  readonly workers: SampleWorkers;
  readonly model: PictureModel;
  readonly batch: number;
  readonly honourExif: boolean;
  readonly writer: RowWriter;
  readonly leftOut: LeftOutTally;
}

/** Threads that decode pictures as `embed` does. */
export function makeWorkers({ model, threads }: UpdateOptions, honourExif: boolean): Promise<SampleWorkers> {
  return createDecodePool({
    preprocess: model.preprocess,
    mode: "exact",
    seed: 0,
    honourExif,
    threads: threads ?? Math.max(1, availableParallelism() - 1),
    slots: prefetch + 2,
  });
}

/** The fields of a picture, sizes as it is seen. */
function fieldsOf(picture: FoundPicture, facts: PictureFacts, honourExif: boolean): Fields {
  const { source, folder, label, bytes, changed } = picture;
  const { width, height, orientation, takenAt = picture.date } = facts;
  const isTurned = honourExif && orientation > 4;
  const size = isTurned ? { width: height, height: width } : { width, height };
  return { source, folder, date: takenAt, label, ...size, bytes, changed };
}

/** The chosen pictures of a group as a shard, so that they are read as `embed` reads shards. */
function shardOf(group: OpenGroup, chosen: readonly number[]): Shard {
  const sample = async (at: number) => {
    const index = chosen[at] as number;
    const { id } = group.pictures[index] as FoundPicture;
    return { key: id, image: await group.place(index), texts: { texts: {} } };
  };
  return { name: "chosen", samples: chosen.length, open: async () => ({ sample, close: async () => undefined }) };
}

const unknown: PictureFacts = { width: 0, height: 0, orientation: 1 };

/** Reads sizes and dates from the heads of pictures that were decoded a moment ago. */
function factsReader(group: OpenGroup) {
  const reader = createRangeReader();
  return {
    async at(index: number): Promise<PictureFacts> {
      const place = await group.place(index);
      return "reason" in place ? unknown : readPictureFacts(place, reader).catch(() => unknown);
    },
    close: (): void => reader.close(),
  };
}

/** What became of some pictures. */
export interface EmbeddedPictures {
  readonly kept: readonly string[];
  readonly failed: readonly string[];
}

/** Embeds the chosen pictures of a group, and says after each batch what became of it. */
export async function* embedGroup(
  group: OpenGroup,
  chosen: readonly number[],
  { workers, model, batch: batchSize, honourExif, writer, leftOut }: Embedding,
): AsyncGenerator<EmbeddedPictures, void, undefined> {
  const places = new Map(chosen.map((index) => [(group.pictures[index] as FoundPicture).id, index]));
  const facts = factsReader(group);
  const write = async ({ keys, pixels }: SequentialBatch): Promise<void> => {
    if (keys.length === 0) return;
    const indexes = keys.map((key) => places.get(key) as number);
    const [features, said] = await Promise.all([
      model.images(pixels, keys.length),
      Promise.all(indexes.map((index) => facts.at(index))),
    ]);
    for (const [row, key] of keys.entries()) {
      const picture = group.pictures[indexes[row] as number] as FoundPicture;
      const vector = features.subarray(row * model.dim, (row + 1) * model.dim);
      await writer.add(key, vector, fieldsOf(picture, said[row] ?? unknown, honourExif));
    }
  };
  try {
    for await (const found of sequentialShards({ shards: [shardOf(group, chosen)], workers, batchSize, prefetch })) {
      if ("reason" in found) continue; // it is open already
      await write(found);
      for (const { kind, key, reason } of found.leftOut) leftOut.add(kind, key, reason);
      yield { kept: found.keys, failed: found.leftOut.map(({ key }) => key) };
    }
  } finally {
    facts.close();
  }
}
