import { statSync } from "node:fs";
import { joinLeftOut, type CaptionChoice, type LeftOut, type ShardSet } from "@clip-ts/data";
import {
  defaultCacheFolder,
  localStore,
  openShardSet,
  storeFor,
  type EveryStore,
  type OpenShardSet,
  type RemoteOptions,
  type ShardSetKind,
} from "@clip-ts/node";
import { note } from "../cli/output.ts";
import { kindOfPaths } from "./shard-kinds.ts";

/** Where shards lie: a pattern, or several, each with how often its samples come. */
export type ShardPaths = string | readonly (string | { readonly path: string; readonly weight?: number | undefined })[];

/** What is opened as shards, and how it is read. */
export interface ShardSourceOptions {
  readonly kind: Exclude<ShardSetKind, "folder">;
  readonly path: ShardPaths;
  /** Endings, or the column, of the image; the usual ones by default. */
  readonly image?: string | readonly string[] | undefined;
  /** Which of a sample's texts is its caption; the first usual one by default. */
  readonly captions?: CaptionChoice | undefined;
  /** Draw shards with replacement. */
  readonly resampled?: boolean | undefined;
  /** Of tables, as `tableSource` has them. */
  readonly separator?: string | undefined;
  readonly quoting?: "standard" | "none" | undefined;
}

/** Shards of any kind, which is told by their paths if it is absent. */
export interface NamedShards extends Omit<ShardSourceOptions, "kind" | "resampled"> {
  readonly kind?: ShardSetKind | undefined;
}

/** How a config's words say where shards lie that are not on this machine. */
export interface RemoteSettings {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly anonymous?: boolean | undefined;
  readonly cacheFolder?: string | undefined;
  readonly cacheBytes?: number | undefined;
}

/** Settings that are given. */
export const given = <Options extends object>(
  options: Options,
): { [Name in keyof Options]: Exclude<Options[Name], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;

function remoteOptions({ endpoint, region, anonymous, cacheFolder, cacheBytes }: RemoteSettings): RemoteOptions {
  return {
    ...given({ cacheFolder, cacheBytes }),
    s3: given({ endpoint, region, unsigned: anonymous }),
    onNotice: note,
  };
}

/** A store for the places that words name, and where copies and indexes are kept. */
export interface OpenPlaces {
  readonly store: EveryStore;
  readonly cacheFolder: string;
}

/** The disk, web servers and object stores. The caller closes the store. */
export function openPlaces(remote: RemoteSettings = {}): OpenPlaces {
  const { cacheFolder = defaultCacheFolder() } = remote;
  return { store: storeFor(localStore, remoteOptions(remote)), cacheFolder };
}

/** A set that is open, and what its shards left out so far. */
export interface OpenShards extends OpenShardSet {
  /** How its samples are stored. */
  readonly storedAs: ShardSetKind;
  leftOut(): readonly LeftOut[];
  /** What one of its shards left out when it was opened last. */
  leftOutOf(shard: string): readonly LeftOut[] | undefined;
}

const pathsOf = (path: ShardPaths) => (typeof path === "string" ? [path] : path);

async function openIn({ store, cacheFolder }: OpenPlaces, source: NamedShards): Promise<OpenShards> {
  const { path, image, captions, separator, quoting } = source;
  const paths = pathsOf(path);
  const words = paths.map((item) => (typeof item === "string" ? item : item.path));
  const kind = source.kind ?? (await kindOfPaths(words, store));
  const found = new Map<string, readonly LeftOut[]>(); // by shards, which may be opened again
  const set = await openShardSet({
    kind,
    path: paths,
    image,
    separator,
    quoting,
    cacheFolder,
    store,
    captions: captions && Object.keys(captions),
    onNotice: note,
    onLeftOut: (shard, leftOut) => void found.set(shard, leftOut),
  });
  return {
    ...set,
    storedAs: kind,
    leftOut: () => joinLeftOut([...found.values()]),
    leftOutOf: (shard) => found.get(shard),
    async close() {
      await set.close();
      await store.close();
    },
  };
}

/**
 * Opens the shards that a config or a command names: tars, Parquet files, tables, MDS or folders, on disk, at https://
 * or s3://. The caller closes them.
 * @throws ClipError as `openShardSet` and `kindOfPaths` do.
 */
export async function openShards(source: NamedShards, remote: RemoteSettings = {}): Promise<OpenShards> {
  const places = openPlaces(remote);
  try {
    return await openIn(places, source);
  } catch (error) {
    await places.store.close();
    throw error;
  }
}

/** Samples of a set, whatever their weights. */
export const countSamples = ({ groups }: ShardSet): number =>
  groups.flatMap(({ shards }) => shards).reduce((sum, { samples }) => sum + samples, 0);

const shardKinds: readonly string[] = ["webdataset", "parquet", "mds"] satisfies ShardSetKind[];

/** Shards of whatever kind but tables, which may be small. */
export type AlwaysShards = ShardSourceOptions & { readonly kind: "webdataset" | "parquet" | "mds" };

/** Whether a source is always read shard by shard. */
export const isShards = <Source extends { readonly kind: string }>(
  source: Source,
): source is Extract<Source, AlwaysShards> => shardKinds.includes(source.kind);

/** Rows from which on tables are read in blocks. */
const manyRows = 50_000;

/** A table of fewer bytes has fewer rows, or none worth counting. */
const smallTable = 2 ** 21;

/**
 * A table of more than 50,000 rows as blocks of rows, of which only their places are in memory; undefined for a smaller
 * one, which is listed whole.
 */
export async function openLargeTable(source: ShardSourceOptions): Promise<OpenShards | undefined> {
  const { path } = source;
  if (typeof path !== "string") return undefined;
  const { size } = statSync(path);
  if (size < (/\.gz$/i.test(path) ? smallTable / 8 : smallTable)) return undefined;
  const opened = await openShards(source);
  if (countSamples(opened) > manyRows) return opened;
  await opened.close();
  return undefined;
}
