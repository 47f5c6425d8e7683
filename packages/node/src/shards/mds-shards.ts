import { ClipError, parseJsonFile } from "@clip-ts/base";
import { readMdsIndex, readMdsSample, type MdsShard, type OpenShard, type Shard } from "@clip-ts/data";
import { openFile } from "@clip-ts/files";
import { besidePlace, namePart } from "./places.ts";
import { inParallel, type SetContext } from "./set-context.ts";
import { factsOf, filesAtOnce, type FoundShards, type NamedFile } from "./tar-shards.ts";

/** An index of a million shards has fewer bytes. */
const largestIndex = 2 ** 29;

interface ShardPlace {
  readonly place: string;
  readonly name: string;
  readonly shard: MdsShard;
}

async function openMds({ place, name, shard }: ShardPlace, context: SetContext): Promise<OpenShard> {
  const held = await context.store.hold(place);
  const file = await openFile(held.path).catch((error: unknown) => {
    held.release();
    throw error;
  });
  const source = { size: file.size, path: held.path, read: file.read };
  return {
    async sample(index) {
      const columns = { image: context.image, captions: context.captions, index };
      const { image, files } = await readMdsSample(source, shard, columns);
      return { key: `${name}/${index}`, image, texts: { files } };
    },
    async close() {
      await file.close();
      held.release();
    },
  };
}

async function shardsIn({ place, name }: NamedFile, context: SetContext): Promise<ShardPlace[]> {
  const index = /\.json$/i.test(namePart(place)) ? place : `${place.replace(/\/+$/, "")}/index.json`;
  const bytes = await context.store.readSmall(index, largestIndex);
  if (bytes === undefined) throw new ClipError("not-found", `there is no ${index}`, { data: { place } });
  const shards = readMdsIndex(parseJsonFile(new TextDecoder().decode(bytes), index), index);
  return shards.map((shard): ShardPlace => {
    const own = shard.name.replace(/\.mds$/i, "");
    return { place: besidePlace(index, shard.name), name: name === "" ? own : `${name}/${own}`, shard };
  });
}

/**
 * Shards of MosaicML streaming, uncompressed, which `index.json` in a folder lists.
 * @throws ClipError "unsupported" for packed shards, with what to do.
 */
export async function mdsShards(files: readonly NamedFile[], context: SetContext): Promise<FoundShards> {
  const found = (await inParallel(files, filesAtOnce, (file) => shardsIn(file, context))).flat();
  const versions = await inParallel(found, filesAtOnce, async ({ place }) => {
    const { bytes, version } = await factsOf(place, context);
    return `${bytes} ${version}`;
  });
  const shards = found.map((own): Shard => {
    return { name: own.name, samples: own.shard.samples, open: () => openMds(own, context) };
  });
  return { shards, versions };
}
