import { openParquet, type OpenShard, type ParquetFile, type Sample, type Shard, type Texts } from "@clip-ts/data";
import { openFile } from "@clip-ts/files";
import { createHeldImages } from "./held-images.ts";
import { inParallel, type SetContext } from "./set-context.ts";
import type { FileFacts } from "./shard-store.ts";
import { factsOf, filesAtOnce, type FoundShards, type NamedFile } from "./tar-shards.ts";
import { unpackImages, type UnpackedImages } from "./unpacked-images.ts";

/** Does something with a Parquet file of this machine, which is open for as long. */
async function withParquet<T>(
  path: string,
  place: string,
  context: SetContext,
  use: (file: ParquetFile) => Promise<T> | T,
): Promise<T> {
  const file = await openFile(path);
  try {
    return await use(await openParquet(file, place, { image: context.image, captions: context.captions }));
  } finally {
    await file.close();
  }
}

/** The rows of each row group by the footer, without fetching more where the store can do so. */
async function rowsIn(place: string, facts: FileFacts, context: SetContext): Promise<readonly number[]> {
  const { store } = context;
  if (store.readPart !== undefined) {
    const read = async (offset: number, length: number): Promise<Uint8Array> =>
      (await store.readPart?.(place, offset, length)) ?? new Uint8Array(0);
    const columns = { image: context.image, captions: context.captions };
    return (await openParquet({ size: facts.bytes, read }, place, columns)).rows;
  }
  const held = await store.hold(place);
  try {
    return await withParquet(held.path, place, context, ({ rows }) => rows);
  } finally {
    held.release();
  }
}

/** A row group of a file, and its number of rows. */
interface GroupPlace {
  readonly file: NamedFile;
  readonly group: number;
  readonly rows: number;
}

async function openGroup({ file, group, rows }: GroupPlace, context: SetContext): Promise<OpenShard> {
  const { place, name } = file;
  const held = await context.store.hold(place);
  const files = createHeldImages(context.store);
  const reading = async (): Promise<[readonly Texts[], UnpackedImages]> =>
    withParquet(held.path, place, context, async (parquet) => {
      const own = parquet.rowGroup(group);
      return [await own.texts(), await unpackImages(own, held.path, context.cacheFolder)];
    });
  let read: ReturnType<typeof reading> | undefined;
  return {
    async sample(index): Promise<Sample> {
      read ??= reading();
      const [texts, { images }] = await read;
      const found = images[index];
      const image =
        found === undefined
          ? { reason: `${place}, row group ${group}, row ${index} has no image` }
          : typeof found === "string"
            ? await files.at(place, found)
            : found;
      return { key: `${name}/${group}/${index}`, image, texts: { texts: (index < rows && texts[index]) || {} } };
    },
    async close() {
      const done = await read?.catch(() => undefined);
      await done?.[1].remove();
      files.release();
      held.release();
    },
  };
}

/**
 * Row groups of Parquet files as shards; a row group is read when its first sample is asked for.
 * @throws ClipError "bad-data" for what is no Parquet file, or lacks the columns.
 */
export async function parquetShards(files: readonly NamedFile[], context: SetContext): Promise<FoundShards> {
  const found = await inParallel(files, filesAtOnce, async (file) => {
    const facts = await factsOf(file.place, context);
    const rows = await rowsIn(file.place, facts, context);
    const shards = rows.map((rows, group): Shard => {
      const open = (): Promise<OpenShard> => openGroup({ file, group, rows }, context);
      return { name: `${file.name}/${group}`, samples: rows, open };
    });
    return { shards, version: `${facts.bytes} ${facts.version}` };
  });
  return { shards: found.flatMap(({ shards }) => shards), versions: found.map(({ version }) => version) };
}
