import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  indexHeadBytes,
  indexTar,
  readIndexHead,
  readTarIndex,
  versionSum,
  writeTarIndex,
  type TarIndex,
} from "@clip-ts/data";
import { openFile, writeFileWhole } from "@clip-ts/files";
import { besidePlace, isAddress, namePart } from "./places.ts";
import type { SetContext } from "./set-context.ts";
import type { FileFacts, HeldFile } from "./shard-store.ts";
import { localStore } from "./local-store.ts";

/** An index of millions of samples has fewer bytes. */
const largestIndex = 2 ** 28;

/** The place of an index beside its shard: `00017.idx`. */
function indexBeside(place: string): string {
  return besidePlace(place, `${namePart(place).replace(/\.tar$/i, "")}.idx`);
}

/** The path of an index in the cache folder, another one for each place. */
function indexInCache(place: string, folder: string): string {
  const hash = createHash("sha256").update(place).digest("hex").slice(0, 16);
  return join(folder, "indexes", `${namePart(place).replace(/\.tar$/i, "")}-${hash}.idx`);
}

async function headOf(place: string, { store }: Pick<SetContext, "store">): Promise<Uint8Array | undefined> {
  const part = await store.readPart?.(place, 0, indexHeadBytes);
  if (part !== undefined || store.readPart !== undefined) return part;
  return store.readSmall(place, largestIndex);
}

/**
 * How many samples a shard has by the first bytes of its index, beside it or in the cache; undefined without one of a
 * shard of as many bytes. One beside the shard may be of a copy with another time: it is checked when it is opened.
 */
export async function countByIndex(place: string, facts: FileFacts, context: SetContext): Promise<number | undefined> {
  const { cacheFolder } = context;
  const cached =
    cacheFolder === undefined ? undefined : await headOf(indexInCache(place, cacheFolder), { store: localStore });
  const ownHead = cached && readIndexHead(cached);
  if (ownHead?.shardBytes === facts.bytes && ownHead.versionSum === versionSum(facts.version)) return ownHead.samples;
  const beside = await headOf(indexBeside(place), context);
  const head = beside && readIndexHead(beside);
  return head?.shardBytes === facts.bytes ? head.samples : undefined;
}

/** Whether an index was made of the shard as it is. */
const fits = (index: TarIndex | undefined, { bytes, version }: FileFacts): index is TarIndex =>
  index?.facts.bytes === bytes && index.facts.version === version;

async function storedIndex(place: string, facts: FileFacts, context: SetContext): Promise<TarIndex | undefined> {
  const { cacheFolder, store } = context;
  const beside = await store.readSmall(indexBeside(place), largestIndex).catch(() => undefined);
  const index = beside && readTarIndex(beside);
  if (fits(index, facts) || cacheFolder === undefined) return fits(index, facts) ? index : undefined;
  const cached = await localStore.readSmall(indexInCache(place, cacheFolder), largestIndex).catch(() => undefined);
  const own = cached && readTarIndex(cached);
  return fits(own, facts) ? own : undefined;
}

/** Indexes a shard in one pass over the file that is held. */
async function makeIndex(place: string, held: HeldFile): Promise<TarIndex> {
  const file = await openFile(held.path);
  try {
    return await indexTar(file, place, { bytes: held.bytes, version: held.version });
  } finally {
    await file.close();
  }
}

/** Keeps an index beside a shard of this machine, or in the cache. False where neither can be written. */
async function keepIndex(place: string, index: TarIndex, { cacheFolder }: SetContext): Promise<boolean> {
  const paths = [
    ...(isAddress(place) ? [] : [indexBeside(place)]),
    ...(cacheFolder === undefined ? [] : [indexInCache(place, cacheFolder)]),
  ];
  for (const path of paths) {
    try {
      if (cacheFolder !== undefined) await mkdir(join(cacheFolder, "indexes"), { recursive: true });
      await writeFileWhole(path, [writeTarIndex(index)]);
      return true;
    } catch {
      continue; // a folder that may not be written: the next, or the index is made again
    }
  }
  return false;
}

/**
 * The index of a shard that is held: as it was kept, or made now and kept, because there was none, it was damaged or
 * the shard has changed, or to `force` it.
 * @throws ClipError "bad-data" for what is no tar.
 */
export async function indexOf(
  place: string,
  held: HeldFile,
  context: SetContext,
  force = false,
): Promise<{ readonly index: TarIndex; readonly wasKept: boolean; readonly isKept: boolean }> {
  const stored = force ? undefined : await storedIndex(place, held, context);
  if (stored !== undefined) return { index: stored, wasKept: true, isKept: true };
  const index = await makeIndex(place, held);
  return { index, wasKept: false, isKept: await keepIndex(place, index, context) };
}
