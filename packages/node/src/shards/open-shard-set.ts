import { createHash } from "node:crypto";
import { ClipError, shown } from "@clip-ts/base";
import type { LeftOut, Quoting, Shard, ShardGroup, ShardSet } from "@clip-ts/data";
import { findShards, shardNames } from "./find-shards.ts";
import { folderShards } from "./folder-shards.ts";
import { mdsShards } from "./mds-shards.ts";
import { parquetShards } from "./parquet-shards.ts";
import { splitPatterns } from "./places.ts";
import type { SetContext } from "./set-context.ts";
import { endings, type ShardSetKind } from "./shard-kinds.ts";
import type { ShardStore } from "./shard-store.ts";
import { tableShards } from "./table-shards.ts";
import { tarShards, type FoundShards, type NamedFile } from "./tar-shards.ts";

/** Where shards of one group lie, and how often an epoch draws them: once by default. */
export interface WeightedPath {
  readonly path: string;
  readonly weight?: number | undefined;
}

/** What a set is opened from. */
export interface ShardSetOptions {
  readonly kind: ShardSetKind;
  /**
   * Files, as paths or addresses: braces (`{00000..00999}.tar`), stars in the last name, folders, several joined by
   * `::`; each by itself is a group, which may have a weight.
   */
  readonly path: string | readonly (string | WeightedPath)[];
  readonly store: ShardStore;
  /** Endings (webdataset) or columns of images, the first that is there counts; usual ones by default. */
  readonly image?: string | readonly string[] | undefined;
  /** Columns of captions (parquet); usual ones by default. */
  readonly captions?: readonly string[] | undefined;
  /** A folder for indexes and for what is unpacked: packed tables need one. */
  readonly cacheFolder?: string | undefined;
  /** Between the values of a csv or tsv. */
  readonly separator?: string | undefined;
  readonly quoting?: Quoting | undefined;
  /** Hears what a person should know: a count that is wrong. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** Hears what of a shard is left out, each time that it is opened. */
  readonly onLeftOut?: ((shard: string, leftOut: readonly LeftOut[]) => void) | undefined;
}

/** A set, and what ends it: files that it held may be dropped then. */
export interface OpenShardSet extends ShardSet {
  /** SHA-256 of names and counts alone, which a copy of the set elsewhere shares. */
  readonly contents: string;
  close(): Promise<void>;
}

function groupsOf({ path }: ShardSetOptions): readonly { readonly path: string; readonly weight: number }[] {
  const paths = typeof path === "string" ? [path] : path;
  const groups = paths.flatMap((item) => {
    const { path: joined, weight = 1 }: WeightedPath = typeof item === "string" ? { path: item } : item;
    return splitPatterns(joined).map((pattern) => ({ path: pattern, weight }));
  });
  for (const { path, weight } of groups) {
    if (weight > 0 && Number.isFinite(weight)) continue;
    throw new ClipError("bad-config", `${path}: expected a weight above 0, got ${shown(weight)}`);
  }
  if (groups.length > 0) return groups;
  throw new ClipError("bad-config", 'path: expected where shards lie, such as "shards/{00000..00099}.tar"');
}

/** Files of all groups with names that are unique in the set. */
async function filesOf(
  options: ShardSetOptions,
  patterns: readonly string[],
): Promise<readonly (readonly NamedFile[])[]> {
  const { kind, store } = options;
  const whole = kind === "folder" || kind === "mds";
  const found: (readonly string[])[] = [];
  for (const pattern of patterns)
    found.push(whole ? [pattern.replace(/(?<=.)\/+$/, "")] : await findShards(store, pattern, endings[kind]));
  const names = shardNames(found.flat(), endings[kind]);
  let at = 0;
  return found.map((places) => places.map((place): NamedFile => ({ place, name: names[at++] ?? place })));
}

/** What a group of files holds. */
type Found = FoundShards & { release?(): void };

function shardsOf(files: readonly NamedFile[], label: string, own: { options: ShardSetOptions; context: SetContext }) {
  const { options, context } = own;
  const { kind, separator, quoting } = options;
  switch (kind) {
    case "webdataset":
      return tarShards(files, label, context);
    case "parquet":
      return parquetShards(files, context);
    case "csv":
    case "tsv":
    case "jsonl":
      return tableShards(files, { format: kind, separator, quoting }, context);
    case "mds":
      return mdsShards(files, context);
    case "folder":
      return folderShards(files, context);
  }
}

type OpenGroup = ShardGroup & { readonly versions: readonly string[] };

/** SHA-256 of what decides which sample is which: names, counts, weights, and versions if asked for. */
function hashOf(groups: readonly OpenGroup[], withVersions: boolean): string {
  const hash = createHash("sha256");
  for (const { weight, shards, versions } of groups) {
    const counts = shards.map(({ name, samples }) => [name, samples]);
    hash.update(JSON.stringify(withVersions ? { weight, versions, shards: counts } : { weight, shards: counts }));
  }
  return hash.digest("hex");
}

/** Says of shards which file each is in, where files have versions. Names of shards begin with their file's. */
function placed({ shards, versions }: FoundShards, files: readonly NamedFile[]): Shard[] {
  if (versions.length !== files.length) return [...shards]; // folders of images, whose versions are their names
  const known = new Map(files.map(({ name, place }, at) => [name, { place, version: versions[at] ?? "" }]));
  return shards.map((shard) => {
    const own = known.get(shard.name) ?? known.get(shard.name.replace(/\/[^/]*$/, ""));
    return own === undefined ? shard : { ...shard, ...own };
  });
}

const hasSamples = ({ samples }: Shard): boolean => samples > 0;

/**
 * Opens what lies on a disk, a web server or an object store as shards. Only counts are read: from our indexes,
 * files of other programs or footers. Tables are read through once, for where their rows begin.
 * @throws ClipError "not-found" for patterns that stand for no file, "bad-data" for shards that cannot be counted or
 * read, with what to do, "bad-config" for patterns that are none.
 */
export async function openShardSet(options: ShardSetOptions): Promise<OpenShardSet> {
  const { image, kind, store, cacheFolder, captions, onNotice, onLeftOut } = options;
  const images = typeof image === "string" ? [image] : image;
  const context: SetContext = { store, cacheFolder, captions, onNotice, onLeftOut, image: images };
  const wanted = groupsOf(options);
  const files = await filesOf(
    options,
    wanted.map(({ path }) => path),
  );
  const held: Found[] = [];
  const close = async (): Promise<void> => held.forEach((found) => found.release?.());
  const groups: OpenGroup[] = [];
  try {
    for (const [at, { path, weight }] of wanted.entries()) {
      const found: Found = await shardsOf(files[at] ?? [], path, { options, context });
      held.push(found);
      const shards = placed(found, files[at] ?? []).filter(hasSamples);
      if (shards.length === 0) throw new ClipError("bad-data", `${path} holds no sample`, { data: { path } });
      groups.push({ label: path, weight, shards, versions: found.versions });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const label = wanted.map(({ path }) => path).join("::");
  const hashes = { fingerprint: hashOf(groups, true), contents: hashOf(groups, false) };
  return { kind: "shards", label: `${kind} ${label}`, groups, ...hashes, close };
}
