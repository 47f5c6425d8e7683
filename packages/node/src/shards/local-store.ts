import { readdir, stat } from "node:fs/promises";
import { ClipError } from "@clip-ts/base";
import { openFile, readBytes } from "@clip-ts/files";
import type { FileFacts, ShardStore } from "./shard-store.ts";

async function factsOf(path: string): Promise<FileFacts | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? { bytes: found.size, version: found.mtime.toISOString() } : undefined;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ClipError("not-found", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Shards on this machine's disk. A file's version is the time of its last change. */
export const localStore: ShardStore = {
  facts: factsOf,
  async readSmall(path, most) {
    const facts = await factsOf(path);
    if (facts === undefined) return undefined;
    if (facts.bytes <= most) return readBytes(path);
    throw new ClipError("bad-data", `${path} has ${facts.bytes} bytes, at most ${most} were expected`);
  },
  async readPart(path, offset, length) {
    if ((await factsOf(path)) === undefined) return undefined;
    const file = await openFile(path);
    try {
      return await file.read(offset, length);
    } finally {
      await file.close();
    }
  },
  async hold(path) {
    const facts = await factsOf(path);
    if (facts === undefined) throw new ClipError("not-found", `there is no file ${path}`, { data: { path } });
    return { ...facts, path, release: () => undefined };
  },
  async list(folder) {
    const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
      throw new ClipError("not-found", `cannot list the folder ${folder}: ${(cause as Error).message}`, { cause });
    });
    const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."));
    return files.map(({ name }) => name).toSorted();
  },
  close: async () => undefined,
};
