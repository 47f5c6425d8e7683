import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";

/** The hash that a hub's ETag is: SHA-256 of large files, git's own of small ones; other ETags say nothing. */
async function hashLike(etag: string, path: string): Promise<string | undefined> {
  const isLarge = /^[0-9a-f]{64}$/u.test(etag);
  const isSmall = /^[0-9a-f]{40}$/u.test(etag);
  if (!isLarge && !isSmall) return undefined;
  const hash = createHash(isLarge ? "sha256" : "sha1");
  if (isSmall) hash.update(`blob ${(await stat(path)).size}\0`);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/**
 * Holds a downloaded file against the hash in its ETag.
 * @throws ClipError "bad-data", after deleting the file, if it is another one.
 */
export async function verifyBlob(etag: string, path: string, label: string): Promise<void> {
  const actual = await hashLike(etag, path);
  if (actual === undefined || actual === etag) return;
  await rm(path, { force: true });
  throw new ClipError(
    "bad-data",
    `${label} arrived damaged: its hash is ${actual}, the hub says ${etag}. It was deleted; try again.`,
    { data: { label, actual, expected: etag } },
  );
}
