import { ClipError } from "@clip-ts/base";
import { expandBraces } from "./braces.ts";
import { folderPart, namePart } from "./places.ts";
import type { ShardStore } from "./shard-store.ts";

const hasStar = (text: string): boolean => /[*?]/.test(text);

/** A name with `*` and `?` as an expression. */
function matcher(glob: string): RegExp {
  const source = glob.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su");
}

async function listOf(store: ShardStore, folder: string, pattern: string): Promise<readonly string[]> {
  if (store.list === undefined) {
    const message = `${pattern}: files there cannot be listed; name them by braces, such as {00000..00999}.tar`;
    throw new ClipError("bad-config", message, { data: { pattern } });
  }
  return store.list(folder);
}

/** Where one name, braces expanded, leads: a file, those that a star stands for, or those in a folder. */
async function placesAt(store: ShardStore, place: string, endings: RegExp): Promise<string[]> {
  if (hasStar(folderPart(place)) && !/^[a-z]+:\/\//.test(place)) {
    throw new ClipError(
      "bad-config",
      `${place}: * and ? stand for names of files, not of folders; use {a,b} for those`,
    );
  }
  const name = namePart(place);
  if (hasStar(name)) {
    const fits = matcher(name);
    const names = await listOf(store, folderPart(place) || "./", place);
    return names.filter((found) => fits.test(found)).map((found) => folderPart(place) + found);
  }
  if (endings.test(name)) return [place];
  const folder = place.endsWith("/") ? place : `${place}/`;
  const names = await listOf(store, folder, place);
  return names.filter((found) => endings.test(found)).map((found) => folder + found);
}

/**
 * The files that a pattern stands for: braces, stars in the last name, or a folder, of which all with the kind's
 * endings. In the order of the pattern, by name where a folder was listed.
 * @throws ClipError "not-found" if there is none.
 */
export async function findShards(store: ShardStore, pattern: string, endings: RegExp): Promise<string[]> {
  const places: string[] = [];
  for (const place of expandBraces(pattern)) {
    for (const found of await placesAt(store, place, endings)) places.push(found);
  }
  if (places.length > 0) return places;
  throw new ClipError("not-found", `${pattern} stands for no file`, { data: { pattern } });
}

/** Names of shards, unique in their set: the last names without endings, or as much of the places as tells them apart. */
export function shardNames(places: readonly string[], endings: RegExp): string[] {
  const bare = places.map((place) => namePart(place).replace(endings, ""));
  const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length;
  if (isUnique(bare)) return bare;
  const folders = places.map((place, at) => `${folderPart(place)}${bare[at]}`);
  const parts = folders.map((path) => path.split("/"));
  const [first = []] = parts;
  let shared = 0;
  while (shared < first.length - 1 && parts.every((path) => path[shared] === first[shared])) shared++;
  const short = parts.map((path) => path.slice(shared).join("/"));
  const seen = new Map<string, number>();
  return short.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}~${times}`;
  });
}
