import { isClipError, ClipError } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import type { StartedEngine } from "@clip-ts/engines";
import { openPictureIndex, type PictureIndex } from "@clip-ts/picture-index";
import type { QueryEmbedders } from "@clip-ts/search";
import type { Arguments } from "../../cli/command.ts";
import { storedVector } from "./stored-vector.ts";
import type { IndexedModel } from "./indexed-model.ts";

/** What answers searches: an index, and the model that made it once a query needs it. */
export interface OpenSearch {
  readonly index: PictureIndex;
  readonly embedders: QueryEmbedders;
  /** Opens the model now, so that what is wrong with it is told once. */
  ready(): Promise<void>;
  /** What computed; undefined where nothing has been. */
  engine(): StartedEngine | undefined;
}

/** The rows of several single vectors. */
function joinRows(vectors: readonly Float32Array[], dim: number): FeatureRows {
  const values = new Float32Array(vectors.length * dim);
  for (const [row, vector] of vectors.entries()) values.set(vector, row * dim);
  return { values, rows: vectors.length, dim };
}

/** The model named by `--model` or by the index's record. */
async function openIndexed(args: Arguments, { record }: PictureIndex, seesPictures: boolean): Promise<IndexedModel> {
  const { openIndexedModel } = await import("./indexed-model.ts");
  try {
    return await openIndexedModel(args, record, seesPictures);
  } catch (cause) {
    if (args.text("model") !== undefined || !isClipError(cause) || cause.code !== "not-found") throw cause;
    const message = `${cause.message} The index was made by it: if it was moved, say where it lies now by --model.`;
    throw new ClipError("not-found", message, { cause });
  }
}

/**
 * Opens the index that `--index` names for as long as `use` runs. Its model is opened when the first words or the first
 * picture that the index does not hold come, since that takes the most time.
 */
export async function withSearch<Result>(
  args: Arguments,
  folder: string,
  use: (search: OpenSearch) => Promise<Result>,
): Promise<Result> {
  const index = await openPictureIndex(folder);
  const opened: IndexedModel[] = [];
  const opening = new Map<boolean, Promise<IndexedModel>>(); // by whether it sees pictures
  const model = async (seesPictures: boolean): Promise<IndexedModel> => {
    const ready = opening.get(true) ?? opening.get(seesPictures);
    if (ready !== undefined) return ready;
    const next = openIndexed(args, index, seesPictures);
    opening.set(seesPictures, next);
    opened.push(await next);
    return next;
  };
  const picture = async (name: string): Promise<Float32Array> =>
    (await storedVector(index.vectors, name)) ?? (await model(true)).picture(name);
  const embedders: QueryEmbedders = {
    texts: async (texts) => (await model(false)).texts(texts),
    async pictures(names) {
      const vectors: Float32Array[] = [];
      for (const name of names) vectors.push(await picture(name));
      return joinRows(vectors, index.vectors.dim);
    },
  };
  try {
    const ready = async (): Promise<void> => void (await model(false));
    return await use({ index, embedders, ready, engine: () => opened.at(-1)?.engine });
  } finally {
    for (const each of opened) each.dispose();
    await index.close();
  }
}
