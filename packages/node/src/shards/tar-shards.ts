import { ClipError } from "@clip-ts/base";
import { tarSample, type OpenShard, type Sample, type Shard } from "@clip-ts/data";
import { countFilesOf } from "./count-files.ts";
import { inParallel, type SetContext } from "./set-context.ts";
import type { FileFacts } from "./shard-store.ts";
import { countByIndex, indexOf } from "./tar-indexes.ts";

/** A file of shards: where it lies, and its name in the set. */
export interface NamedFile {
  readonly place: string;
  readonly name: string;
}

/** Shards, and what tells their state from another: bytes and versions of their files. */
export interface FoundShards {
  readonly shards: readonly Shard[];
  readonly versions: readonly string[];
}

/** Files asked for at a time, while a set is opened. */
export const filesAtOnce = 32;

/** What is known of a file. @throws ClipError "not-found" if there is none. */
export async function factsOf(place: string, { store }: SetContext): Promise<FileFacts> {
  const facts = await store.facts(place);
  if (facts !== undefined) return facts;
  throw new ClipError("not-found", `there is no shard ${place}`, { data: { place } });
}

function uncounted(label: string, missing: readonly string[], total: number): ClipError {
  const message =
    `${label}: how many samples ${missing.length} of ${total} shards have is not known (the first: ${missing[0]}): ` +
    `there is no index, _stats.json or sizes.json beside them. Count them once: clip-ts data index ${label}`;
  return new ClipError("bad-data", message, { data: { label, missing: missing.slice(0, 100) } });
}

function missingSample(name: string, number: number, there: number): Sample {
  const reason = `its shard was said to have it, but has ${there} samples`;
  return { key: `${name}/${number}`, image: { reason }, texts: { texts: {} } };
}

async function openTar({ place, name }: NamedFile, samples: number, context: SetContext): Promise<OpenShard> {
  const held = await context.store.hold(place);
  try {
    const { index } = await indexOf(place, held, context);
    if (index.samples !== samples) {
      context.onNotice?.(`${place} was said to have ${samples} samples, it has ${index.samples}`);
    }
    if (index.leftOut.length > 0) context.onLeftOut?.(name, index.leftOut);
    const images = context.image?.map((ending) => ending.replace(/^\./, "").toLowerCase());
    const shard = { name, path: held.path, index, images };
    return {
      sample: async (number) =>
        number < index.samples ? tarSample(shard, number) : missingSample(name, number, index.samples),
      close: async () => held.release(),
    };
  } catch (error) {
    held.release();
    throw error;
  }
}

/**
 * WebDataset tars as shards. Counts come from indexes, from files of other programs, else the refusal says how to
 * count. A shard is indexed when it is first opened, if it has no index.
 * @throws ClipError "bad-data" for shards without a count, "not-found" for one that is not there.
 */
export async function tarShards(files: readonly NamedFile[], label: string, context: SetContext): Promise<FoundShards> {
  const countFiles = countFilesOf(context.store);
  const counted = await inParallel(files, filesAtOnce, async ({ place }) => {
    const facts = await factsOf(place, context);
    const samples = (await countByIndex(place, facts, context)) ?? (await countFiles(place));
    return { samples, version: `${facts.bytes} ${facts.version}` };
  });
  const missing = files.filter((_, at) => counted[at]?.samples === undefined).map(({ place }) => place);
  if (missing.length > 0) throw uncounted(label, missing, files.length);
  const shards = files.map((file, at): Shard => {
    const { samples = 0 } = counted[at] ?? {};
    return { name: file.name, samples, open: () => openTar(file, samples, context) };
  });
  return { shards, versions: counted.map(({ version }) => version) };
}
