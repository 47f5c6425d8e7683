import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";

/** One name in a folder. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** How a source reaches its files. Paths are strings with "/" between the names. */
export interface FileAccess {
  /** The whole file; rejects when it cannot be read. */
  read(path: string): Promise<Uint8Array>;
  /** What a folder holds, in any order; rejects when it cannot be listed. */
  list(directory: string): Promise<readonly DirectoryEntry[]>;
}

/** Turns the bytes of an image file into pixels; rejects when they are none. `label` names the file. */
export type DecodeImage = (bytes: Uint8Array, label: string) => Promise<Pixels>;

/** What every source of files needs. */
export interface FileSourceOptions {
  readonly files: FileAccess;
  readonly decode: DecodeImage;
}

/** One line about something thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A UTF-8 file without its byte order mark. */
export async function readText(files: FileAccess, path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(path);
  } catch (cause) {
    throw new ClipError("not-found", `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ClipError("bad-data", `${path} is not UTF-8 text; save it as UTF-8`, { cause });
  }
}

/** What a folder holds, by name. */
export async function listFolder(files: FileAccess, path: string): Promise<DirectoryEntry[]> {
  try {
    const entries = await files.list(path);
    return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  } catch (cause) {
    throw new ClipError("not-found", `cannot list the folder ${path}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Reads and decodes one image file. */
export async function loadImageFile(
  { files, decode }: FileSourceOptions,
  path: string,
): Promise<Pixels> {
  return decode(await files.read(path), path);
}
