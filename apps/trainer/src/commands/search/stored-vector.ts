import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { StoredRow, VectorIndex } from "@clip-ts/search";

/** Whether a row is of the file as it lies there now; of a sample of a shard, or of a file that is gone, it is all there is. */
async function isCurrent({ id, fields }: StoredRow): Promise<boolean> {
  const file = await stat(id).catch(() => undefined);
  if (file === undefined) return true;
  return file.size === fields["bytes"] && Math.floor(file.mtimeMs) === Math.floor(Number(fields["changed"]));
}

/**
 * The vector that an index holds of a picture, by its id, or its path from where the program runs: no model has to be
 * loaded for it. Undefined for a picture that it does not hold, or that has changed since.
 */
export async function storedVector(index: VectorIndex, name: string): Promise<Float32Array | undefined> {
  const ids = [...new Set([name, resolve(name)])];
  const [row] = await index.get(ids, { withVectors: true });
  return row !== undefined && (await isCurrent(row)) ? row.vector : undefined;
}
