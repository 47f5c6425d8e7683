import { createWriteStream, type Dirent } from "node:fs";
import { open, readFile, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClipError, parseJson } from "@clip-ts/base";
import type { DirectoryEntry, FileAccess } from "@clip-ts/data";
import type { ByteSource } from "@clip-ts/weights";

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
function unwritten(path: string, cause: unknown): ClipError {
  const message = `${path} cannot be written: ${reasonOf(cause)}.`;
  return new ClipError("not-written", message, { data: { path }, cause });
}

/** What a name in a folder is, or what its link leads to. */
async function describeEntry(directory: string, entry: Dirent): Promise<DirectoryEntry> {
  const { name } = entry;
  const isLink = entry.isSymbolicLink();
  const found = isLink ? await stat(join(directory, name)).catch(() => undefined) : entry;
  if (found === undefined) return { name, isDirectory: false, isLink, unusable: "broken-link" };
  const isDirectory = found.isDirectory();
  const isSpecial = !isDirectory && !found.isFile();
  return { name, isDirectory, isLink, ...(isSpecial && { unusable: "special" as const }) };
}

/** The file system as data sources see it. Linked files and folders count as what they lead to. */
export const fileAccess: FileAccess = {
  read: (path) => readFile(path),
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    return Promise.all(entries.map((entry) => describeEntry(directory, entry)));
  },
  realPath: (path) => realpath(path),
};

/** A file as a byte source; close it when done. */
export async function openFile(
  path: string,
): Promise<ByteSource & { readonly close: () => Promise<void> }> {
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
  const bytes = await readBytes(path);
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-data", `${path} is not valid JSON: ${reason}`, {
      data: { path },
      cause,
    });
  }
}

/** Writes pretty JSON, whole or not at all. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeFileWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}
