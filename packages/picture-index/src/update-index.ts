import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import { createTally, joinLeftOut } from "@clip-ts/data";
import type { VectorIndex } from "@clip-ts/search";
import { updateBackground } from "./background-file.ts";
import { embedGroup, makeWorkers, type Embedding } from "./embed-group.ts";
import { inIndexFolder } from "./index-folder.ts";
import { idsBelow, isOf, isSame, readKnown, refuseEmpty, type KnownPictures } from "./known-pictures.ts";
import { listFolder } from "./list-folder.ts";
import { listShards } from "./list-shards.ts";
import type { FoundSource, OpenGroup, PictureGroup, PictureSource } from "./picture-source.ts";
import { createRowWriter } from "./row-writer.ts";
import { commitRecord, settleRecord, switchRecord, type Settled } from "./settle-record.ts";
import { openStore } from "./stores.ts";
import type { IndexUpdate, UpdateOptions } from "./update-options.ts";

/** An update under way. */
interface Updating {
  readonly options: UpdateOptions;
  readonly settled: Settled;
  readonly vectors: VectorIndex;
  /** Of what the index had at the beginning those that were not seen yet. */
  readonly unseen: KnownPictures;
  /** Ids that were seen. */
  readonly seen: Set<string>;
  /** Changed pictures that cannot be read any more. */
  readonly lost: string[];
  readonly failed: string[];
  readonly counts: { added: number; changed: number; unchanged: number; done: number; total: number };
}

/** Batches of rows that go to the store at once. */
const batchesAtOnce = 32;

/** Ids that are removed at once. */
const removedAtOnce = 1000;

async function remove(vectors: VectorIndex, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += removedAtOnce) {
    await vectors.remove(ids.slice(start, start + removedAtOnce));
  }
}

/** Lists a source, unless it lies empty. */
async function findSource(source: PictureSource, known: KnownPictures): Promise<FoundSource> {
  const { shards, path } = source;
  const listed = shards === undefined ? listFolder(path) : Promise.resolve(listShards(source, shards));
  const found = await listed.catch((error: unknown) => {
    if (isClipError(error) && error.code === "not-found") return error;
    throw error;
  });
  refuseEmpty(source, found, known);
  return found as FoundSource;
}

/** Sorts out which pictures of a group are new or changed. */
function choose(
  { seen, unseen, counts }: Updating,
  { pictures }: OpenGroup,
): { chosen: number[]; changed: Set<string> } {
  const chosen: number[] = [];
  const changed = new Set<string>();
  for (const [index, picture] of pictures.entries()) {
    const { id } = picture;
    if (seen.has(id)) continue;
    seen.add(id);
    const known = unseen.get(id);
    unseen.delete(id);
    if (isSame(known, picture)) {
      counts.unchanged++;
      continue;
    }
    chosen.push(index);
    if (known !== undefined) changed.add(id);
  }
  return { chosen, changed };
}

function report({ options, counts }: Updating): void {
  const { done, unchanged, total } = counts;
  options.onProgress?.({ done, unchanged, total });
}

function stopped(folder: string): ClipError {
  return new ClipError("interrupted", `Stopped. What is embedded is in ${folder}; the same command goes on.`);
}

async function updateGroup(update: Updating, group: OpenGroup, embedding: () => Promise<Embedding>): Promise<void> {
  const { options, counts, lost } = update;
  const { chosen, changed } = choose(update, group);
  report(update);
  if (chosen.length === 0) return;
  const parts = await embedding();
  for await (const { kept, failed } of embedGroup(group, chosen, parts)) {
    for (const id of kept) counts[changed.has(id) ? "changed" : "added"]++;
    lost.push(...failed.filter((id) => changed.has(id)));
    counts.done += kept.length + failed.length;
    report(update);
    if (options.shouldStop?.() !== true) continue;
    await parts.writer.flush();
    throw stopped(options.folder);
  }
}

async function openOrSay(update: Updating, group: PictureGroup): Promise<OpenGroup | undefined> {
  try {
    return await group.open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    update.options.onNotice?.(`${group.name} cannot be opened: ${reason}`);
    update.failed.push(`${group.name}: ${reason}`);
    return undefined;
  }
}

/** Goes through the groups of all sources; pictures that could not be read are counted in the tally. */
async function updateGroups(update: Updating, found: readonly FoundSource[], leftOut: Embedding["leftOut"]) {
  const { options, vectors, settled, unseen } = update;
  const { honourExif } = settled.record;
  const { batch = 32 } = options;
  const writer = createRowWriter(vectors, batchesAtOnce * batch);
  let made: Promise<Embedding> | undefined;
  const make = async (): Promise<Embedding> => {
    const workers = await makeWorkers(options, honourExif);
    return { workers, model: options.model, batch, honourExif, writer, leftOut };
  };
  try {
    for (const group of found.flatMap(({ groups }) => groups)) {
      const open = await openOrSay(update, group);
      if (open === undefined) {
        update.counts.total -= group.samples;
        for (const id of unseen.keys()) if (id.startsWith(group.name)) update.seen.add(id);
        continue;
      }
      try {
        await updateGroup(update, open, () => (made ??= make()));
      } finally {
        await open.close();
      }
    }
    await writer.flush();
  } finally {
    await (await made?.catch(() => undefined))?.workers.close();
  }
}

/** Takes out what is no longer there. @returns how many, and how many are out of sight. */
async function removeGone(
  update: Updating,
  found: readonly FoundSource[],
): Promise<{ removed: number; hidden: number }> {
  const { options, unseen, seen, lost, vectors } = update;
  const gone: string[] = [];
  let hidden = 0;
  for (const [id, picture] of unseen) {
    const index = options.sources.findIndex((source) => isOf(source, id, picture));
    if (index < 0) continue;
    if (seen.has(id) || found[index]?.isOutOfSight(id) === true) hidden++;
    else gone.push(id);
  }
  await remove(vectors, [...gone, ...lost]);
  return { removed: gone.length + lost.length, hidden };
}

async function forgetPlaces(vectors: VectorIndex, known: KnownPictures, places: readonly string[]): Promise<number> {
  const ids = idsBelow(known, places);
  await remove(vectors, ids);
  for (const id of ids) known.delete(id);
  return ids.length;
}

/** What ends an update: the form that searches fastest, the cut-off, and the switch to another model's vectors. */
async function finish({ options, settled, vectors }: Updating, changes: number): Promise<void> {
  const { folder, model, onNotice } = options;
  const { record, file } = settled;
  if (changes > 0) await vectors.compact();
  if (file === "remap.json") await switchRecord(options, record);
  const { texts } = model;
  if (texts !== undefined) return updateBackground({ folder, record, vectors, texts, changes, onNotice });
  if (changes > 0) {
    onNotice?.(`${model.name} reads no texts: the index is searched by pictures alone, and has no cut-off for words`);
  }
}

async function findSources({ sources }: UpdateOptions, known: KnownPictures): Promise<FoundSource[]> {
  const found: FoundSource[] = [];
  for (const source of sources) found.push(await findSource(source, known));
  return found;
}

/** What a new index begins with: its record, once its sources are there, before anything else. */
async function beginIndex(options: UpdateOptions, settled: Settled): Promise<FoundSource[]> {
  const found = await findSources(options, new Map());
  await commitRecord(options.folder, settled);
  return found;
}

async function updateStore(
  options: UpdateOptions,
  settled: Settled,
  { vectors, listed }: { readonly vectors: VectorIndex; readonly listed: FoundSource[] | undefined },
): Promise<IndexUpdate> {
  const known = await readKnown(vectors);
  const found = listed ?? (await findSources(options, known));
  await commitRecord(options.folder, settled);
  const forgotten = await forgetPlaces(vectors, known, options.forget ?? []);
  const total = found.flatMap(({ groups }) => groups).reduce((sum, { samples }) => sum + samples, 0);
  const counts = { added: 0, changed: 0, unchanged: 0, done: 0, total };
  const update: Updating = { options, settled, vectors, unseen: known, seen: new Set(), lost: [], failed: [], counts };
  const tally = createTally();
  await updateGroups(update, found, tally);
  const { removed, hidden } = await removeGone(update, found);
  const { added, changed, unchanged } = counts;
  if (settled.file === "remap.json" && update.failed.length > 0) {
    throw new ClipError("bad-data", `${update.failed[0]}. The old vectors stay until all pictures are embedded anew.`);
  }
  await finish(update, added + changed + removed + forgotten);
  return {
    record: settled.record,
    pictures: await vectors.count(),
    added,
    changed,
    removed: removed + forgotten,
    unchanged,
    unseen: hidden,
    leftOut: joinLeftOut([...found.map(({ leftOut }) => leftOut), tally.list()]),
    failed: update.failed,
  };
}

/** Opens the store of an update; a record that was begun for one that cannot be opened is taken back. */
async function openToWrite(folder: string, { record, file, before }: Settled): Promise<VectorIndex> {
  try {
    return await openStore(folder, record, "write");
  } catch (error) {
    if (before === undefined) await rm(join(folder, file), { force: true });
    throw error;
  }
}

/** Does what `updatePictureIndex` says. */
export async function updateIndex(options: UpdateOptions): Promise<IndexUpdate> {
  const folder = resolve(options.folder);
  return inIndexFolder(folder, async () => {
    const own = { ...options, folder };
    const settled = await settleRecord(own);
    const listed = settled.before === undefined ? await beginIndex(own, settled) : undefined;
    const vectors = await openToWrite(folder, settled);
    try {
      return await updateStore(own, settled, { vectors, listed });
    } finally {
      await vectors.close();
    }
  });
}
