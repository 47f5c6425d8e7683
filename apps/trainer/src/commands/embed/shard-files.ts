import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { LeftOut, LeftOutSample } from "@clip-ts/data";
import { growFile, writeJson, type GrowingFile } from "@clip-ts/files";
import { createNpyWriter, type NpyWriter } from "@clip-ts/node";
import type { Embedded } from "./request.ts";

/** What `NAME.left-out.json` says of a shard; it is written last, so a shard that has it is finished. */
export interface ShardRecord {
  readonly samples: number;
  /** Of them those that have a row. */
  readonly rows: number;
  /** The samples without a row, and why. */
  readonly leftOut: readonly LeftOutSample[];
  /** What lay in the shard beside its samples, such as entries that are too large. */
  readonly beside?: readonly LeftOut[] | undefined;
}

/** Where the files of a shard lie. */
export interface ShardPaths {
  /** Features of images; there unless only captions are embedded. */
  readonly image: string;
  /** Features of captions. */
  readonly text: string;
  /** Row by row the sample's key as JSON. */
  readonly keys: string;
  readonly record: string;
}

/** A character as `%2F`; more of them beyond ASCII are not needed. */
const escaped = (character: string): string =>
  `%${character.codePointAt(0)!.toString(16).toUpperCase().padStart(2, "0")}`;

/**
 * A shard's name as a path below a folder, on any system: its folders stay folders; what leads out of it, or what some
 * systems refuse, is written as `%2E`. No two names give one path.
 */
export function pathOfShard(name: string): string {
  const parts = name.split("/").map((part) =>
    part === ""
      ? "%"
      : part
          .replaceAll(/[\u0000-\u001F%<>:"|?*\\]/g, escaped) // eslint-disable-line no-control-regex
          .replace(/^\.|\.$|\.(?=text$)/g, escaped),
  );
  return parts.join("/");
}

/** The files of a shard in a folder. */
export function shardPaths(folder: string, name: string): ShardPaths {
  const path = join(folder, pathOfShard(name));
  return {
    image: `${path}.npy`,
    text: `${path}.text.npy`,
    keys: `${path}.keys.jsonl`,
    record: `${path}.left-out.json`,
  };
}

/** What of a shard's record is read. @throws ClipError "bad-data" for a file that is none. */
export async function readRecord({ record }: ShardPaths): Promise<ShardRecord | undefined> {
  const text = await readFile(record, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const found = JSON.parse(text) as ShardRecord;
    if (Number.isSafeInteger(found.rows) && Array.isArray(found.leftOut)) return found;
  } catch {
    // said below
  }
  throw new ClipError("bad-data", `${record} is damaged: remove it, and the shard is embedded again.`);
}

/** Features of some samples, row by row. */
export interface Rows {
  readonly keys: readonly string[];
  readonly image?: Float32Array | undefined;
  readonly text?: Float32Array | undefined;
}

/** The files of one shard while they are written. */
export interface ShardWriter {
  append(rows: Rows): Promise<void>;
  /** Moves the files to their places, the record last. */
  finish(record: Omit<ShardRecord, "rows">): Promise<ShardRecord>;
  /** Gives them up, unless they are finished. */
  discard(): Promise<void>;
}

/** Begins a shard's files, with what an earlier attempt left of them written over. */
export async function writeShard(paths: ShardPaths, what: Embedded, dim: number): Promise<ShardWriter> {
  await mkdir(dirname(paths.record), { recursive: true });
  const open: (GrowingFile | NpyWriter)[] = [];
  const opened = async <File extends GrowingFile | NpyWriter>(file: Promise<File>): Promise<File> => {
    open.push(await file);
    return file;
  };
  const image = what === "text" ? undefined : await opened(createNpyWriter(paths.image, dim));
  const text = what === "image" ? undefined : await opened(createNpyWriter(paths.text, dim));
  const keys = await opened(growFile(paths.keys));
  let rows = 0;
  return {
    async append(some) {
      if (some.image !== undefined) await image?.append(some.image);
      if (some.text !== undefined) await text?.append(some.text);
      await keys.append(Buffer.from(some.keys.map((key) => `${JSON.stringify(key)}\n`).join("")));
      rows += some.keys.length;
    },
    async finish({ samples, leftOut, beside }) {
      for (const file of open) await file.finish();
      const record = { samples, rows, leftOut, ...(beside && { beside }) };
      await writeJson(paths.record, record);
      return record;
    },
    async discard() {
      for (const file of open) await file.discard();
    },
  };
}
