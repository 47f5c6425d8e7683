import { isAddress } from "./places.ts";

/** How samples are stored. */
export type ShardSetKind = "webdataset" | "parquet" | "csv" | "tsv" | "jsonl" | "mds" | "folder";

/** Endings of files of each kind, by which folders are read and names are cut. */
export const endings: Readonly<Record<ShardSetKind, RegExp>> = {
  webdataset: /\.tar$/i,
  parquet: /\.(?:parquet|pq)$/i,
  csv: /\.csv(?:\.gz)?$/i,
  tsv: /\.tsv(?:\.gz)?$/i,
  jsonl: /\.(?:jsonl|ndjson)(?:\.gz)?$/i,
  mds: /(?:[/\\]|^)index\.json$/i,
  folder: /$^/,
};

const namedKinds = Object.entries(endings) as readonly (readonly [ShardSetKind, RegExp])[];

/**
 * The kind that the ending of a file's name, path, address or pattern says: `shards/{000..099}.tar` is "webdataset",
 * also with the query of an address behind. Undefined for folders, images and whatever else.
 */
export function shardKindOf(path: string): ShardSetKind | undefined {
  const name = (isAddress(path) ? path.replace(/[?#].*$/s, "") : path).replace(/\}+$/, "");
  return namedKinds.find(([, ending]) => ending.test(name))?.[0];
}

/** What a folder with files of these names is: shards of a kind, or else images, their captions beside them. */
export function shardKindOfFolder(names: Iterable<string>): ShardSetKind {
  const found = new Set([...names].map((name) => (/\.mds$/i.test(name) ? "mds" : shardKindOf(name))));
  return (["mds", "webdataset", "parquet"] as const).find((kind) => found.has(kind)) ?? "folder";
}
