import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import {
  chooseModelFiles,
  ClipError,
  listsGraphs,
  modelFiles,
  type HubReference,
  type WeightsDtype,
} from "@clip-ts/base";
import { readJson, syncFolder } from "@clip-ts/files";
import { safeName, type HubSettings } from "./hub-settings.ts";

/** Places in the cache of a repository, as Hugging Face's own tools lay them out. */
export interface CachePlaces {
  /** Folder of a commit: its files link to blobs. */
  readonly snapshot: (commit: string) => string;
  /** A file's content, named by its ETag. */
  readonly blob: (etag: string) => string;
  /** Locked by whoever fetches a blob. */
  readonly lock: (etag: string) => string;
  /** Holds the commit that a branch or tag stood at. */
  readonly ref: string;
}

/** `models--owner--name/{blobs,refs,snapshots}` and `.locks/models--owner--name` below the cache. */
export function cachePlaces({ cache }: HubSettings, { repository, revision }: HubReference): CachePlaces {
  const name = `models--${repository.replaceAll("/", "--")}`;
  const root = join(cache, name);
  return {
    snapshot: (commit) => join(root, "snapshots", commit),
    blob: (etag) => join(root, "blobs", etag),
    lock: (etag) => join(cache, ".locks", name, `${etag}.lock`),
    ref: join(root, "refs", revision),
  };
}

/** Whether a revision is a whole commit, which never changes. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/u.test(revision);

/** The commit that a revision stood at when the cache last heard of it. */
async function cachedCommit(places: CachePlaces, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  if (!existsSync(places.ref)) return undefined;
  const commit = (await readFile(places.ref, "utf8")).trim();
  return isCommit(commit) ? commit : undefined;
}

/**
 * Makes a file beside its place, under a name of this process's own, and moves it there: nobody ever sees
 * half of it, and several processes may do so at once.
 */
async function place(path: string, make: (made: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const made = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await make(made);
    await rename(made, path);
  } finally {
    await rm(made, { force: true });
  }
  await syncFolder(dirname(path));
}

/** Notes what commit a branch or tag stands at, if that is news. */
export async function rememberCommit(places: CachePlaces, revision: string, commit: string): Promise<void> {
  if (isCommit(revision) || (await cachedCommit(places, revision)) === commit) return;
  await place(places.ref, (made) => writeFile(made, commit, { flush: true }));
}

/** Shows a blob in a snapshot under its name: a link, or a copy where there are no links. */
export async function linkBlob(blob: string, path: string): Promise<void> {
  const target = relative(dirname(path), blob);
  await place(path, (made) => symlink(target, made).catch(() => copyFile(blob, made)));
}

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

/**
 * Which of the files that a repository lists are wanted, weights last. `configAt` gives the path of its `config.json`,
 * which it fetches first where it is not there. @throws ClipError "not-found" where something is missing.
 */
export type ChooseFiles = (
  listed: readonly string[],
  repository: string,
  configAt: () => Promise<string>,
) => readonly string[] | Promise<readonly string[]>;

/**
 * What makes a model, of stored graphs those of a precision. Beside open_clip's config, `config.json` may be timm's, for
 * the image tower that lies there too.
 */
export const chooseModel =
  (dtype?: WeightsDtype): ChooseFiles =>
  async (listed, repository, configAt) => {
    const isTwofold = listed.includes(modelFiles.openClipConfig);
    if (!listed.includes(modelFiles.config) || !(isTwofold || listsGraphs(listed))) {
      return chooseModelFiles(listed, repository, { dtype });
    }
    const config = (await readJson(await configAt())) as { readonly model_type?: unknown } | null;
    const isForeignConfig = isTwofold && typeof config?.model_type !== "string";
    return chooseModelFiles(listed, repository, { isForeignConfig, dtype, config });
  };

/** The files of a folder and of the folders in it, by paths with "/". */
async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => existsSync(join(folder, name))).map((name) => name.replaceAll(sep, "/"));
}

/** Whether a snapshot has all that is wanted; others may have fetched one file of it only. */
async function isWhole(folder: string, repository: string, choose: ChooseFiles): Promise<boolean> {
  try {
    const chosen = await choose(await filesIn(folder), repository, () =>
      Promise.resolve(join(folder, modelFiles.config)),
    );
    const index = chosen.find((name) => name.endsWith(".index.json"));
    if (index === undefined) return true;
    const shards = await shardsOf(join(folder, index), repository);
    return shards.every((shard) => existsSync(join(folder, shard)));
  } catch {
    return false;
  }
}

/** The snapshot that an earlier download left whole; undefined if there is none. */
export async function cachedSnapshot(
  places: CachePlaces,
  { repository, revision }: HubReference,
  choose: ChooseFiles,
): Promise<string | undefined> {
  const commit = await cachedCommit(places, revision);
  if (commit === undefined) return undefined;
  const folder = places.snapshot(commit);
  return existsSync(folder) && (await isWhole(folder, repository, choose)) ? folder : undefined;
}
