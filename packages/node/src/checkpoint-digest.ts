import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

/** What a file must be to be the one that was written. */
export interface FileDigest {
  readonly bytes: number;
  /** SHA-256 of the content, in hexadecimal digits. */
  readonly sha256: string;
}

/** Digests of a folder's files by their names, those of inner folders as `ema/model.safetensors`. */
export type FolderDigest = Readonly<Record<string, FileDigest>>;

async function digestFile(path: string): Promise<FileDigest> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest("hex") };
}

/** SHA-256 of a text, in hexadecimal digits. */
export function digestText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Digests every file below a folder. */
export async function digestFolder(folder: string): Promise<FolderDigest> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  const digests: Record<string, FileDigest> = {};
  for (const name of names) {
    digests[name.split(sep).join("/")] = await digestFile(join(folder, name));
  }
  return digests;
}

/** What is wrong with a folder's files, in words; undefined if they are those that were written. */
export async function findDamage(
  folder: string,
  expected: FolderDigest,
): Promise<string | undefined> {
  for (const [name, { bytes, sha256 }] of Object.entries(expected)) {
    const found = await digestFile(join(folder, name)).catch(() => undefined);
    if (found === undefined) return `${name} cannot be read`;
    if (found.bytes !== bytes) return `${name} has ${found.bytes} bytes instead of ${bytes}`;
    if (found.sha256 !== sha256) return `${name} is not what was written (its SHA-256 differs)`;
  }
  return undefined;
}
