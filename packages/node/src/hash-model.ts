import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { isModelFile } from "@clip-ts/base";
import { resolveModel } from "./open-model.ts";

/**
 * SHA-256 of all files of a model, weights in full, in hexadecimal: two models that share it give the same features.
 * @throws ClipError as `resolveModel` does.
 */
export async function hashModel(model: string): Promise<string> {
  const path = await resolveModel(model);
  const isFile = (await stat(path)).isFile();
  const names = isFile ? [basename(path)] : (await readdir(path)).filter(isModelFile).toSorted();
  const hash = createHash("sha256");
  for (const name of names) {
    const file = isFile ? path : join(path, name);
    hash.update(`${name}\0${(await stat(file)).size}\0`);
    await pipeline(createReadStream(file), hash, { end: false });
  }
  return hash.digest("hex");
}
