import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

/**
 * Holds a downloaded file against the hash that the hub's ETag is: SHA-256 of large files, git's own of
 * small ones. Other ETags say nothing. @returns the file's own hash if it is another one.
 */
export async function wrongHash(etag: string, path: string): Promise<string | undefined> {
  const expected = etag.toLowerCase();
  const isLarge = /^[0-9a-f]{64}$/u.test(expected);
  const isSmall = /^[0-9a-f]{40}$/u.test(expected);
  if (!isLarge && !isSmall) return undefined;
  const hash = createHash(isLarge ? "sha256" : "sha1");
  if (isSmall) hash.update(`blob ${(await stat(path)).size}\0`);
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest("hex");
  return actual === expected ? undefined : actual;
}
