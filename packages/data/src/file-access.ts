import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";

/** One name in a folder. */
export interface DirectoryEntry {
  readonly name: string;
  /** Of a link: whether it leads to a folder. */
  readonly isDirectory: boolean;
  /** True for a link. Where there are none, as in a browser, it is left out. */
  readonly isLink?: boolean;
  /** Why there is nothing to read: a link that leads nowhere, or a pipe, socket or device. */
  readonly unusable?: "broken-link" | "special";
}

/**
 * How a source reaches its files. Paths are strings with "/" between the names; what a source is given may also
 * be an absolute path of Windows, such as `C:\data\pairs.csv`.
 */
export interface FileAccess {
  /** The whole file; rejects when it cannot be read. */
  read(path: string): Promise<Uint8Array>;
  /** What a folder holds, in any order; rejects when it cannot be listed. */
  list(directory: string): Promise<readonly DirectoryEntry[]>;
  /** The path without links, by which a link back to a folder above is known; needed where there are links. */
  realPath?(path: string): Promise<string>;
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

/** What a folder holds, in any order. */
export async function listFolder(
  files: FileAccess,
  path: string,
): Promise<readonly DirectoryEntry[]> {
  try {
    return await files.list(path);
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
