import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, type ImageSize } from "@clip-ts/base";
import { readJson, writeJson } from "@clip-ts/files";
import type { FieldKinds } from "@clip-ts/search";
import type { SourceReading } from "./source-reading.ts";

/** Where vectors are kept. */
export type StoreName = "flat" | "lance" | "qdrant";

/** What says where vectors are kept, and as what. */
export interface StoreRecord {
  readonly name: StoreName;
  /** The folder of a flat or LanceDB store, within the index's own. */
  readonly place: string;
  /** Of a flat store. */
  readonly dtype?: "f32" | "int8";
  /** Of Qdrant. */
  readonly url?: string;
  readonly collection?: string;
}

/** What `index.json` in an index's folder says: who made it, and how. */
export interface IndexRecord {
  readonly format: 1;
  /** The name that the model was given, SHA-256 of its files, and where it was opened: an absolute path or hf:owner/name. */
  readonly model: { readonly name: string; readonly sha256: string; readonly place?: string };
  readonly dim: number;
  readonly store: StoreRecord;
  /** Whether photographs were turned upright as their EXIF tag says. */
  readonly honourExif: boolean;
  /** Pixels a side. */
  readonly imageSize: ImageSize;
  /** Folders, files and shards that it is of, as given, made absolute. */
  readonly sources: readonly string[];
  /** By source, how it is read; of sources that an earlier version noted nothing is said. */
  readonly readings?: Readonly<Record<string, SourceReading>>;
}

/**
 * Fields of every picture. `source` is what of the record's sources it was found in; `folder` ends in "/" and is
 * relative to its source, "" at its top; `date` is when it was taken (EXIF), else when the file was changed, in
 * milliseconds since 1970; `label` is the name of the folder that it lies in, or what a shard's sample says; `width` and
 * `height` are those of the upright picture; `bytes` and `changed` tell whether the file is another than before. The id
 * is the picture's absolute path, for a sample of a shard SHARD#KEY.
 */
export const pictureFields: FieldKinds = {
  source: "string",
  folder: "string",
  date: "number",
  label: "string",
  width: "number",
  height: "number",
  bytes: "number",
  changed: "number",
};

/** The record of an index, and of one that is being made of it with another model. */
export type RecordFile = "index.json" | "remap.json";

function checkRecord(found: unknown, path: string): IndexRecord {
  const record = found as Partial<IndexRecord> | null;
  if (record?.format === 1 && record.model !== undefined && record.store !== undefined) return record as IndexRecord;
  throw new ClipError(
    "bad-data",
    `${path} is not what this version writes: make the index anew in another folder, or update clip-ts.`,
    { data: { path } },
  );
}

/** The record in an index's folder; undefined where there is none. @throws ClipError "bad-data" for a damaged one. */
export async function readRecord(folder: string, file: RecordFile = "index.json"): Promise<IndexRecord | undefined> {
  const path = join(folder, file);
  return existsSync(path) ? checkRecord(await readJson(path), path) : undefined;
}

/** Writes it whole. */
export function writeRecord(folder: string, record: IndexRecord, file: RecordFile = "index.json"): Promise<void> {
  return writeJson(join(folder, file), record);
}

const short = (hash: string): string => hash.slice(0, 12);

/** @throws ClipError "bad-config" naming both models, if an index was made by another. */
export function refuseOtherModel(record: IndexRecord, model: { readonly name: string; readonly sha256: string }): void {
  if (record.model.sha256 === model.sha256) return;
  const [before, now] = [record.model, model].map(({ name, sha256 }) => `${name} (${short(sha256)})`);
  throw new ClipError(
    "bad-config",
    `The index was made by the model ${before}, not by ${now}: their features cannot be compared. ` +
      `Use ${record.model.name}, or embed all pictures anew: clip-ts index --remap ${model.name} -o INDEX`,
    { data: { made: record.model, given: { name: model.name, sha256: model.sha256 } } },
  );
}

/** The folder of the store after this one, which may be made beside it. */
export function nextPlace(before: IndexRecord | undefined): string {
  const number = /(\d+)$/.exec(before?.store.place ?? "")?.[1] ?? "0";
  return `vectors-${Number(number) + 1}`;
}

/** Removes stores that neither record names: what a replaced model left behind. */
export async function removeOldStores(folder: string): Promise<void> {
  const records = [await readRecord(folder), await readRecord(folder, "remap.json")];
  const used = new Set(records.map((record) => record?.store.place));
  for (const name of await readdir(folder)) {
    if (/^vectors-\d+$/.test(name) && !used.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
