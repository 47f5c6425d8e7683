import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import { isMergedMeanwhile, openFlatIndex, type VectorIndex } from "@clip-ts/search";
import { folderFiles } from "@clip-ts/files";
import { nextPlace, pictureFields, type IndexRecord, type StoreName, type StoreRecord } from "./index-record.ts";
import { readingFiles } from "./reading-files.ts";

/** What somebody asks of a store; the rest is as usual, or as the index has it. */
export interface StoreChoice {
  readonly name?: StoreName | undefined;
  /** Of a flat store. */
  readonly dtype?: "f32" | "int8" | undefined;
  /** Of Qdrant. */
  readonly url?: string | undefined;
}

/** The packages that a LanceDB store needs beside these. */
const lancePackages = "@lancedb/lancedb@0.31.0 apache-arrow@18.1.0";

/** Whether LanceDB is installed where the package that uses it finds it. */
function hasLance(): boolean {
  try {
    const user = createRequire(import.meta.url).resolve("@clip-ts/search");
    createRequire(user).resolve("@lancedb/lancedb");
    return true;
  } catch {
    return false;
  }
}

function usualStore(onNotice: ((notice: string) => void) | undefined): StoreName {
  if (hasLance()) return "lance";
  onNotice?.(
    "vectors are kept flat and compared one by one, which is fast enough up to some 100,000 pictures; " +
      `for more, before the first run: npm install ${lancePackages}`,
  );
  return "flat";
}

/** @throws ClipError "bad-argument" for what makes no sense together. */
function checkChoice(name: StoreName, { dtype, url }: StoreChoice): void {
  if (dtype !== undefined && name !== "flat") {
    throw new ClipError("bad-argument", `${dtype} vectors are for a flat store, not for ${name}: leave it out.`);
  }
  if ((url !== undefined) !== (name === "qdrant")) {
    throw new ClipError("bad-argument", "A Qdrant store needs the server's address, and no other takes one.");
  }
}

/** The store that a choice means, if it means one. */
const impliedStore = ({ name, dtype, url }: StoreChoice): StoreName | undefined =>
  name ?? (url === undefined ? undefined : "qdrant") ?? (dtype === undefined ? undefined : "flat");

/**
 * Settles the store of a new index: LanceDB where it is installed, else flat, which the notice says.
 * @throws ClipError "bad-argument" for what makes no sense together.
 */
export function settleStore(
  folder: string,
  choice: StoreChoice,
  { before, onNotice }: { readonly before?: IndexRecord | undefined; readonly onNotice?: (notice: string) => void },
): StoreRecord {
  const { dtype = "f32", url } = choice;
  const name = impliedStore(choice) ?? usualStore(onNotice);
  checkChoice(name, choice);
  const place = nextPlace(before);
  if (name === "flat") return { name, place, dtype };
  if (url === undefined) return { name, place };
  const hash = createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 12);
  return { name, place, url, collection: `clip-ts-${hash}-${place}` };
}

/** @throws ClipError "bad-config" if an index is kept in another way than somebody asks for. */
export function refuseOtherStore(folder: string, { store, model }: IndexRecord, choice: StoreChoice): void {
  for (const name of ["name", "dtype", "url"] as const) {
    const wanted = choice[name];
    if (wanted === undefined || wanted === store[name]) continue;
    throw new ClipError(
      "bad-config",
      `${folder} keeps its vectors in ${store.name}${store.dtype === "int8" ? " as int8" : ""}, not in ${wanted}: ` +
        `leave the option out, give another folder, or embed anew with --remap ${model.name}.`,
      { data: { folder, store: { ...store }, wanted } },
    );
  }
}

/** Times that a flat index is opened while another process keeps merging its files. */
const mostTries = 5;

/** Opens a flat store to be searched, also while it is updated. */
async function openFlatForReading(place: string, options: Parameters<typeof openFlatIndex>[0]): Promise<VectorIndex> {
  for (let tries = 1; ; tries++) {
    try {
      return await openFlatIndex({ ...options, files: readingFiles(place) });
    } catch (error) {
      if (!isMergedMeanwhile(error) || tries === mostTries) throw error;
    }
  }
}

/** Where a Qdrant store is, and the key to it; undefined for another store. @throws ClipError "bad-data" */
function collectionOf({ store }: IndexRecord) {
  const { name, url, collection } = store;
  if (name !== "qdrant") return undefined;
  if (url === undefined || collection === undefined) {
    throw new ClipError("bad-data", "The record of the index does not say which Qdrant server has its vectors.");
  }
  const apiKey = process.env["QDRANT_API_KEY"];
  return { url, collection, ...(apiKey !== undefined && { apiKey }) };
}

/** Removes the collection of a record that is given up, if it has one. One that cannot be removed is told. */
export async function removeCollection(
  record: IndexRecord,
  onNotice: ((notice: string) => void) | undefined,
): Promise<void> {
  const place = collectionOf(record);
  if (place === undefined) return;
  const { removeQdrantIndex } = await import("@clip-ts/search/qdrant");
  await removeQdrantIndex(place).catch((error: unknown) => {
    if (!isClipError(error)) throw error;
    onNotice?.(`the collection ${place.collection}, of no use any more, stays: ${error.message}`);
  });
}

/** Opens the vectors of an index, or makes the store if there is none. The caller closes it. */
export async function openStore(folder: string, record: IndexRecord, use: "read" | "write"): Promise<VectorIndex> {
  const { store, dim } = record;
  const fields = pictureFields;
  const server = collectionOf(record);
  if (server !== undefined) {
    const { openQdrantIndex } = await import("@clip-ts/search/qdrant");
    return openQdrantIndex({ ...server, dim, fields });
  }
  const place = join(folder, store.place);
  if (store.name === "flat") {
    const options = { dim, fields, dtype: store.dtype ?? "f32" };
    if (use === "read") return openFlatForReading(place, options);
    return openFlatIndex({ ...options, files: await folderFiles(place) });
  }
  const { openLanceIndex } = await import("@clip-ts/search/lance");
  return openLanceIndex({ place, dim, fields });
}
