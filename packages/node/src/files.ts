import { createWriteStream } from "node:fs";
import { open, readFile, readdir, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import type { FileAccess } from "@clip-ts/data";
import type { ByteSource } from "@clip-ts/weights";

/** The file system as data sources see it. */
export const fileAccess: FileAccess = {
  read: (path) => readFile(path),
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  },
};

/** A file as a byte source; close it when done. */
export async function openFile(
  path: string,
): Promise<ByteSource & { readonly close: () => Promise<void> }> {
  const handle = await open(path, "r").catch((cause: unknown) => {
    throw new ClipError("not-found", `${path} cannot be opened: there is no such file.`, { cause });
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

/** Reads and parses a JSON file. @throws ClipError that names the file. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new ClipError("not-found", `${path} cannot be read: there is no such file.`, { cause });
  });
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-data", `${path} is not valid JSON: ${reason}`, { cause });
  }
}

/** Writes pretty JSON, whole or not at all. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeFileWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}
