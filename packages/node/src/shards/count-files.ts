import { parseJson } from "@clip-ts/base";
import { besidePlace, folderPart, namePart } from "./places.ts";
import type { ShardStore } from "./shard-store.ts";

/** Counts of a million shards fit in it. */
const largestCounts = 2 ** 26;

/** How many samples a shard has, as files of other programs beside it say. */
export type CountFiles = (place: string) => Promise<number | undefined>;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

type Counts = ReadonlyMap<string, number>;

const text = new TextDecoder();

async function readIn<T>(store: ShardStore, place: string, parse: (text: string) => T): Promise<T | undefined> {
  const bytes = await store.readSmall(place, largestCounts).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    return parse(text.decode(bytes));
  } catch {
    return undefined; // a file of that name that is something else
  }
}

function countsOf(value: unknown): Counts {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return new Map(entries.filter((entry): entry is [string, number] => isCount(entry[1])));
}

/** `{ "00000.tar": 9876 }`, as webdataset and open_clip have it. */
const readSizes = (json: string): Counts => countsOf(parseJson(json));

/** `{ "shardlist": [{ "url": "00000.tar", "nsamples": 9876 }] }`, as wids has it. */
function readWids(json: string): Counts {
  const { shardlist } = parseJson(json) as { readonly shardlist?: unknown };
  if (!Array.isArray(shardlist)) return new Map();
  const entries = (shardlist as { readonly url?: unknown; readonly nsamples?: unknown }[]).map(
    ({ url, nsamples }) => [namePart(String(url)), nsamples] as const,
  );
  return new Map(entries.filter((entry): entry is readonly [string, number] => isCount(entry[1])));
}

/** `shard_counts:` of Megatron Energon's `.nv-meta/.info.json`, or of its `.info.yaml`, a name and a number a line. */
function readEnergon(info: string): Counts {
  if (info.trimStart().startsWith("{")) {
    return countsOf((parseJson(info) as { readonly shard_counts?: unknown }).shard_counts);
  }
  const section = /^shard_counts:[^\n]*\n((?:[ \t]+[^\n]*(?:\n|$))*)/m.exec(info)?.[1] ?? "";
  const lines = section.matchAll(/^[ \t]+["']?([^"'\n]+?)["']?[ \t]*:[ \t]*(\d+)[ \t]*$/gm);
  return new Map(Array.from(lines, ([, name = "", count = ""]) => [name, Number(count)]));
}

/** Files of a whole folder that count its shards, in the order in which they are believed. */
const folderFiles: readonly (readonly [string, (text: string) => Counts])[] = [
  ["sizes.json", readSizes],
  [".nv-meta/.info.json", readEnergon],
  [".nv-meta/.info.yaml", readEnergon],
  ["index.json", readWids],
  ["wids.json", readWids],
];

/** `successes` of img2dataset's `00000_stats.json`. */
async function countByStats(store: ShardStore, place: string): Promise<number | undefined> {
  const name = namePart(place).replace(/\.tar$/i, "");
  const stats = await readIn(store, besidePlace(place, `${name}_stats.json`), parseJson);
  const { successes } = (stats ?? {}) as { readonly successes?: unknown };
  return isCount(successes) ? successes : undefined;
}

/** Reads counts beside shards; a folder's files once. */
export function countFilesOf(store: ShardStore): CountFiles {
  const folders = new Map<string, Promise<readonly Counts[]>>();
  const readFolder = async (folder: string): Promise<readonly Counts[]> => {
    const found: Counts[] = [];
    for (const [name, parse] of folderFiles) {
      const counts = await readIn(store, folder + name, parse);
      if (counts !== undefined && counts.size > 0) found.push(counts);
    }
    return found;
  };
  return async (place) => {
    const byStats = await countByStats(store, place);
    if (byStats !== undefined) return byStats;
    const folder = folderPart(place);
    const reading = folders.get(folder) ?? readFolder(folder);
    folders.set(folder, reading);
    const name = namePart(place);
    return (await reading).map((counts) => counts.get(name)).find((count) => count !== undefined);
  };
}
