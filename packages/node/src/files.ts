import { createWriteStream, type Dirent } from "node:fs";
import { open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import type { DirectoryEntry, FileAccess } from "@clip-ts/data";
import type { ByteSource } from "@clip-ts/weights";

/** What the system says about a failed call, in words. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  return error instanceof Error ? error.message : String(error);
}

/** The error for a file that cannot be opened or read. */
function unreadable(path: string, verb: "opened" | "read", cause: unknown): ClipError {
  const message = `${path} cannot be ${verb}: ${reasonOf(cause)}.`;
  return new ClipError("not-found", message, { data: { path }, cause });
}

/** Follows links; one that leads nowhere is no folder. */
async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** The file system as data sources see it. Linked folders count as folders. */
export const fileAccess: FileAccess = {
  read: (path) => readFile(path),
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    const describe = async (entry: Dirent): Promise<DirectoryEntry> => {
      const path = join(directory, entry.name);
      const isDirectory = entry.isSymbolicLink() ? await isFolder(path) : entry.isDirectory();
      return { name: entry.name, isDirectory };
    };
    return Promise.all(entries.map(describe));
  },
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

/** Writes a file beside its place, syncs it and moves it there: whole or not at all. */
export async function writeFileWhole(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | string,
): Promise<void> {
  const partial = `${path}.partial`;
  const parts = typeof chunks === "string" ? [Buffer.from(chunks)] : chunks;
  try {
    await pipeline(Readable.from(parts), createWriteStream(partial, { flush: true }));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
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
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
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
