import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import { readJson, writeJson } from "@clip-ts/files";
import {
  isBackgroundStale,
  measureBackground,
  readBackground as checkedBackground,
  type Background,
  type QueryEmbedders,
  type VectorIndex,
} from "@clip-ts/search";
import type { IndexRecord } from "./index-record.ts";

/** What `background.json` holds. */
interface BackgroundFile {
  /** The store that it was measured on: of another one it says nothing. */
  readonly place: string;
  /** Pictures that were added, changed or removed since. */
  readonly changes: number;
  readonly background: Background;
}

const pathIn = (folder: string): string => join(folder, "background.json");

/** @throws ClipError "bad-data" that names a file which does not hold what was measured. */
async function readFileOf(folder: string, { store }: IndexRecord): Promise<BackgroundFile | undefined> {
  const path = pathIn(folder);
  if (!existsSync(path)) return undefined;
  try {
    const { place, changes = 0, background } = ((await readJson(path)) ?? {}) as Partial<BackgroundFile>;
    if (place !== undefined && place !== store.place) return undefined;
    return { place: store.place, changes, background: checkedBackground(background) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-data", `${path} is damaged (${reason}): run clip-ts index again, which makes a new one.`, {
      cause,
    });
  }
}

/**
 * The background of an index; undefined where none was measured on its vectors.
 * @throws ClipError "bad-data" for a damaged file
 */
export async function readBackground(folder: string, record: IndexRecord): Promise<Background | undefined> {
  return (await readFileOf(folder, record))?.background;
}

/** What keeping a background takes. */
export interface BackgroundParts {
  readonly folder: string;
  readonly record: IndexRecord;
  readonly vectors: VectorIndex;
  readonly texts: QueryEmbedders["texts"];
  /** Pictures that this update added, changed or removed. */
  readonly changes: number;
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * Measures the background of an index where a tenth of it changed since, or it has none. An index that cannot be
 * measured, because it holds too little, is whole all the same: the notice says so.
 */
export async function updateBackground(parts: BackgroundParts): Promise<void> {
  const { folder, record, vectors, texts, changes, onNotice } = parts;
  const before = await readFileOf(folder, record).catch((error: unknown) => {
    if (!isClipError(error)) throw error;
    onNotice?.(`the cut-off for searches is measured anew: ${error.message}`);
    return undefined;
  });
  const sum = changes + (before?.changes ?? 0);
  const rows = await vectors.count();
  if (rows === 0) return;
  const { place } = record.store;
  if (before !== undefined && !isBackgroundStale(before.background, { rows, changed: sum })) {
    if (changes > 0) await writeJson(pathIn(folder), { ...before, changes: sum });
    return;
  }
  try {
    const background = await measureBackground(vectors, { texts });
    await writeJson(pathIn(folder), { place, changes: 0, background } satisfies BackgroundFile);
  } catch (error) {
    if (!isClipError(error)) throw error;
    onNotice?.(`no cut-off for searches could be measured: ${error.message}`);
  }
}
