import { createWriteStream } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClipError, parseJsonFile } from "@clip-ts/base";

/** What the system says about a failed call, in words. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "ENOSPC") return "the disk is full";
  return error instanceof Error ? error.message : String(error);
}

/** The error for a file that cannot be opened or read. */
function unreadable(path: string, verb: "opened" | "read", cause: unknown): ClipError {
  const message = `${path} cannot be ${verb}: ${reasonOf(cause)}.`;
  return new ClipError("not-found", message, { data: { path }, cause });
}

/** The error for a file that cannot be written. */
export function unwritten(path: string, cause: unknown): ClipError {
  const message = `${path} cannot be written: ${reasonOf(cause)}.`;
  return new ClipError("not-written", message, { data: { path }, cause });
}

/** A file that is open: what `@clip-ts/weights` reads, until whoever opened it closes it. */
export interface OpenFile {
  /** Bytes. */
  readonly size: number;
  /** Reads up to `length` bytes from `offset` on; fewer at the end of the file. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** Opens a file to be read in pieces; close it when done. @throws ClipError "not-found" that names it. */
export async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, "r").catch((cause: unknown) => {
    throw unreadable(path, "opened", cause);
  });
  const { size } = await handle.stat();
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    close: () => handle.close(),
  };
}

/** What a disk answers that is full, over its quota, read-only or failing. */
const diskFaults: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG"]);

/** Whether an error, or what caused it, says that the disk could not take what was written. */
export function isDiskFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && diskFaults.has(error.code)) || isDiskFault(error.cause);
}

/** Syncs a folder, so that a file moved into it is there after a power cut. Windows has no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file beside its place, syncs it, moves it there and syncs the folder: whole or not at all.
 * @throws ClipError "not-written" that names the file and says what the system said.
 */
export async function writeFileWhole(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | string,
): Promise<void> {
  const partial = `${path}.partial`;
  const parts = typeof chunks === "string" ? [Buffer.from(chunks)] : chunks;
  try {
    await pipeline(Readable.from(parts), createWriteStream(partial, { flush: true }));
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw error instanceof Error && "syscall" in error ? unwritten(path, error) : error;
  }
}

/** The bytes of a file. @throws ClipError that names it. */
export async function readBytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw unreadable(path, "read", cause);
  });
}

/** Reads and parses a JSON file. @throws ClipError that names the file. */
export async function readJson(path: string): Promise<unknown> {
  return parseJsonFile(new TextDecoder().decode(await readBytes(path)), path);
}

/** Writes pretty JSON, whole or not at all. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeFileWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}
