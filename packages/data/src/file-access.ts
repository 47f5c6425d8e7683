import { ClipError } from "@clip-ts/base";
import type { Pixels } from "@clip-ts/image";
import { Gunzip } from "fflate";

/** `folder/name`; an absolute path or an address stays as it is. */
export function joinPath(folder: string, name: string): string {
  if (folder === "" || /^([/\\]|[A-Za-z]:[/\\]|[a-z][\w+.-]*:\/\/)/.test(name)) return name;
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** Where the last name's separator is: "/", or "\\" where a path begins as only those of Windows do. */
function lastSeparator(path: string): number {
  const isOfWindows = /^([A-Za-z]:\\|\\\\)/.test(path);
  return Math.max(path.lastIndexOf("/"), isOfWindows ? path.lastIndexOf("\\") : -1);
}

/** Everything before the last name; "" when there is only a name. */
export function folderOf(path: string): string {
  const end = lastSeparator(path);
  return end === 0 ? "/" : path.slice(0, Math.max(end, 0));
}

/** The last name. */
export function nameOf(path: string): string {
  return path.slice(lastSeparator(path) + 1);
}

/** The lower-case ending with its dot, such as `.png`; "" when there is none. */
export function extensionOf(path: string): string {
  return /\.[^./]+$/.exec(path)?.[0].toLowerCase() ?? "";
}

/** The path without its ending. */
export function withoutExtension(path: string): string {
  return path.slice(0, path.length - extensionOf(path).length);
}

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
export async function listFolder(files: FileAccess, path: string): Promise<readonly DirectoryEntry[]> {
  try {
    return await files.list(path);
  } catch (cause) {
    throw new ClipError("not-found", `cannot list the folder ${path}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Reads and decodes one image file. */
export async function loadImageFile({ files, decode }: FileSourceOptions, path: string): Promise<Pixels> {
  return decode(await files.read(path), path);
}

/** A longer text is none that a JavaScript string can hold. */
const longestText = 2 ** 29 - 24;

/** Packed bytes handed over at a time, so that too much output is noticed early. */
const step = 2 ** 16;

function tooLong(path: string): ClipError {
  return new ClipError(
    "unsupported",
    `${path} holds more than ${Math.floor(longestText / 2 ** 20)} MiB of text, which is the most that ` +
      "is read at once: split it into several files",
    { data: { path } },
  );
}

/** Unpacks what gzip packed, several parts one after another among it. */
function unpack(packed: Uint8Array, path: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isWhole = false;
  const gunzip = new Gunzip((chunk, isLast) => {
    chunks.push(chunk);
    length += chunk.byteLength;
    isWhole = isLast;
    if (length > longestText) throw tooLong(path);
  });
  try {
    for (let at = 0; at < packed.byteLength; at += step) {
      gunzip.push(packed.subarray(at, at + step), at + step >= packed.byteLength);
    }
    if (!isWhole) throw new Error("it ends early");
  } catch (cause) {
    if (cause instanceof ClipError) throw cause;
    throw new ClipError("bad-data", `${path} is damaged, gzip says: ${reasonOf(cause)}`, { cause });
  }
  const whole = new Uint8Array(length);
  let filled = 0;
  for (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return whole;
}

/** The encoding that a byte order mark names; UTF-8 without one. */
function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

/**
 * The text of a file without its byte order mark: UTF-8, or UTF-16 with the mark; unpacked where it
 * begins as gzip does, whatever its name.
 */
export async function readText(files: FileAccess, path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(path);
  } catch (cause) {
    throw new ClipError("not-found", `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = unpack(bytes, path);
  if (bytes.byteLength > longestText) throw tooLong(path);
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ClipError("bad-data", `${path} is not UTF-8 text; save it as UTF-8`, { cause });
  }
}
