import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, sameSize, shownSize } from "@clip-ts/base";
import { inputSize } from "@clip-ts/image";
import {
  readRecord,
  refuseOtherModel,
  removeOldStores,
  writeRecord,
  type IndexRecord,
  type RecordFile,
} from "./index-record.ts";
import { startOf } from "./list-folder.ts";
import { refuseOtherReading, settleReadings } from "./source-reading.ts";
import { refuseOtherStore, removeCollection, settleStore } from "./stores.ts";
import type { UpdateOptions } from "./update-options.ts";

/** The record that an update writes by. */
export interface Settled {
  readonly record: IndexRecord;
  readonly file: RecordFile;
  /** As it was in `file`, if it was there. */
  readonly before: IndexRecord | undefined;
}

/** Whether a path is one of these, or below one. */
export const isBelow = (path: string, places: readonly string[]): boolean =>
  places.some((place) => path === place || path.startsWith(startOf(place)));

function sourcesOf({ sources, forget = [] }: UpdateOptions, known: readonly string[]): string[] {
  const all = new Set([...known, ...sources.map(({ path }) => path)]);
  return [...all].filter((path) => !isBelow(path, forget));
}

/** The sources of an index and how they are read. */
function sourced(
  options: UpdateOptions,
  { sources = [], readings = {} }: Partial<Pick<IndexRecord, "sources" | "readings">> = {},
): Pick<IndexRecord, "sources" | "readings"> {
  const paths = sourcesOf(options, sources);
  return { sources: paths, readings: settleReadings(paths, readings, options.sources) };
}

const namedModel = ({ name, sha256, place }: UpdateOptions["model"]): IndexRecord["model"] => ({
  name,
  sha256,
  ...(place !== undefined && { place }),
});

function makeRecord(options: UpdateOptions, before: IndexRecord | undefined): IndexRecord {
  const { folder, model, store = {}, onNotice } = options;
  const { dim, preprocess } = model;
  return {
    format: 1,
    model: namedModel(model),
    dim,
    store: settleStore(folder, store, { before, ...(onNotice && { onNotice }) }),
    honourExif: options.honourExif ?? before?.honourExif ?? true,
    imageSize: inputSize(preprocess),
    ...sourced(options, before),
  };
}

/** @throws ClipError "bad-config" for settings under which pictures would get other vectors than the index's. */
function refuseOtherSettings({ folder, model, honourExif }: UpdateOptions, record: IndexRecord): void {
  const said: string[] = [];
  const size = inputSize(model.preprocess);
  if (!sameSize(record.imageSize, size)) {
    said.push(`images of ${shownSize(record.imageSize)} px, not ${shownSize(size)} px`);
  }
  if (honourExif !== undefined && honourExif !== record.honourExif) {
    said.push(`photographs ${record.honourExif ? "turned upright" : "as they are stored"}, not the other way`);
  }
  if (said.length === 0) return;
  throw new ClipError(
    "bad-config",
    `${folder} was made of ${said.join(" and of ")}: leave the option out, or embed anew with --remap ${model.name}.`,
    { data: { folder } },
  );
}

function refuseOther(options: UpdateOptions, record: IndexRecord): void {
  refuseOtherModel(record, options.model);
  refuseOtherSettings(options, record);
  refuseOtherStore(options.folder, record, options.store ?? {});
  for (const { path, reading } of options.sources) {
    if (reading !== undefined) refuseOtherReading(path, record.readings?.[path], reading);
  }
}

async function settleRemap(options: UpdateOptions, index: IndexRecord | undefined): Promise<Settled> {
  const { folder, onNotice } = options;
  const file = "remap.json";
  if (index === undefined) {
    throw new ClipError("not-found", `There is no index in ${folder} to embed anew: leave --remap out to make one.`);
  }
  const begun = await readRecord(folder, file);
  if (begun !== undefined) {
    try {
      refuseOther(options, begun);
      return { record: { ...begun, ...sourced(options, begun) }, file, before: begun };
    } catch {
      onNotice?.(`embedding anew with ${begun.model.name} was begun otherwise and is given up: it begins again`);
      await rm(join(folder, file));
      await removeOldStores(folder);
      await removeCollection(begun, onNotice);
    }
  }
  return { record: makeRecord(options, index), file, before: undefined };
}

/**
 * Settles by which record an update writes; writes nothing but what an earlier one left half done.
 * @throws ClipError "bad-config" for another model, store or setting than the index's own.
 */
export async function settleRecord(options: UpdateOptions): Promise<Settled> {
  const { folder, model, remaps = false } = options;
  const index = await readRecord(folder);
  const begun = await readRecord(folder, "remap.json");
  if (begun !== undefined && begun.store.place === index?.store.place) await rm(join(folder, "remap.json"));
  await removeOldStores(folder);
  if (remaps) return settleRemap(options, index);
  if (index === undefined) return { record: makeRecord(options, index), file: "index.json", before: undefined };
  refuseOther(options, index);
  const record = { ...index, model: namedModel(model), ...sourced(options, index) };
  return { record, file: "index.json", before: index };
}

/** Writes the record where it says something new. */
export async function commitRecord(folder: string, { record, file, before }: Settled): Promise<void> {
  if (JSON.stringify(record) !== JSON.stringify(before)) await writeRecord(folder, record, file);
}

/** Makes the index that was embedded anew the index: in one move of its record. The old vectors go after that. */
export async function switchRecord(
  { folder, onNotice }: Pick<UpdateOptions, "folder" | "onNotice">,
  record: IndexRecord,
): Promise<void> {
  const before = await readRecord(folder);
  await writeRecord(folder, record);
  await rm(join(folder, "remap.json"), { force: true });
  await removeOldStores(folder);
  if (before !== undefined) await removeCollection(before, onNotice);
}
