import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { isAddress, shardKindOf, shardKindOfFolder, type EveryStore, type ShardSetKind } from "@clip-ts/node";
import { dataKinds } from "../cli/shard-options.ts";

function unknownKind(path: string, reason: string): ClipError {
  return new ClipError(
    "bad-argument",
    `What ${path} is cannot be told: ${reason}. Say it: --kind ${dataKinds.join("|")}`,
    { data: { path } },
  );
}

/** What a place holds, by its name or, of a folder, by the names in it. */
async function kindAt(path: string, store: EveryStore): Promise<ShardSetKind> {
  const named = shardKindOf(path);
  if (named !== undefined) return named;
  const isHere = !isAddress(path) && existsSync(path);
  if (!isHere && /[{*]/.test(path)) throw unknownKind(path, "no ending is known");
  if (!isHere && !isAddress(path)) {
    const looked = dirname(resolve(path));
    throw new ClipError("not-found", `The dataset ${path} does not exist (looked in ${looked}).`, { data: { path } });
  }
  const names = await store.list(path.endsWith("/") ? path : `${path}/`).catch((error: unknown) => {
    throw unknownKind(path, error instanceof Error ? error.message.replace(/\.$/, "") : String(error));
  });
  return shardKindOfFolder(names);
}

/**
 * What words stand for: files and patterns by their endings, also of addresses and joined by `::`, folders by what lies
 * in them. Reads nothing but lists of folders.
 * @throws ClipError for places that do not exist, "bad-argument" for those that say nothing, or that are of several kinds.
 */
export async function kindOfPaths(paths: readonly string[], store: EveryStore): Promise<ShardSetKind> {
  const places = paths.flatMap((path) => path.split("::")).filter((place) => place !== "");
  const kinds: ShardSetKind[] = [];
  for (const place of places) kinds.push(await kindAt(place, store));
  const [kind = "folder"] = kinds;
  const other = kinds.findIndex((each) => each !== kind);
  if (other < 0) return kind;
  throw new ClipError(
    "bad-argument",
    `${places[0]} is ${kind}, ${places[other]} is ${kinds[other]}: name data of one kind`,
  );
}
