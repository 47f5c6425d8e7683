import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { readJson } from "../files.ts";
import { chooseFiles } from "./choose-files.ts";
import { cachedCommit, type CachePlaces } from "./hub-cache.ts";
import { safeName } from "./hub-names.ts";
import type { HubReference } from "./hub-reference.ts";

/**
 * Names of the files that weights in several are made of, as their index lists them.
 * @throws ClipError for an index that lists nothing, or files elsewhere.
 */
export async function shardsOf(index: string, repository: string): Promise<readonly string[]> {
  const { weight_map: files } = (await readJson(index)) as { readonly weight_map?: unknown };
  const names = typeof files === "object" && files !== null ? Object.values(files) : [];
  if (names.length > 0) return [...new Set(names.map((name) => safeName(name, repository)))];
  throw new ClipError("bad-data", `${index} lists no files of weights.`, { data: { index } });
}

/** Whether a snapshot has what makes a model; others may have fetched one file of it only. */
async function isWhole(folder: string, repository: string): Promise<boolean> {
  const names = (await readdir(folder)).filter((name) => existsSync(join(folder, name)));
  try {
    const weights = chooseFiles(names, repository).at(-1) ?? "";
    if (!weights.endsWith(".index.json")) return true;
    const shards = await shardsOf(join(folder, weights), repository);
    return shards.every((shard) => existsSync(join(folder, shard)));
  } catch {
    return false;
  }
}

/** The snapshot of a model that an earlier download left whole; undefined if there is none. */
export async function cachedSnapshot(
  places: CachePlaces,
  { repository, revision }: HubReference,
): Promise<string | undefined> {
  const commit = await cachedCommit(places, revision);
  if (commit === undefined) return undefined;
  const folder = places.snapshot(commit);
  return existsSync(folder) && (await isWhole(folder, repository)) ? folder : undefined;
}
