import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { ClipError, modelFiles, selfCheckFile, tokenizerFiles, weightsFiles } from "@clip-ts/base";
import { readJson, syncFolder } from "@clip-ts/files";
import { safeName, type HubReference, type HubSettings } from "./hub-settings.ts";

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

/** Small files that say what a model is, and its proof. */
const descriptions: readonly string[] = [
  modelFiles.config,
  modelFiles.openClipConfig,
  modelFiles.preprocessor,
  modelFiles.processor,
  ...tokenizerFiles,
  selfCheckFile,
];

/** Weights that fit the config: open_clip's go with open_clip's config, if there is no other. */
function chooseWeights(files: ReadonlySet<string>): string | undefined {
  const isOpenClip = !files.has(modelFiles.config) && files.has(modelFiles.openClipConfig);
  const preferred = isOpenClip
    ? weightsFiles.toSorted((a, b) => Number(b.startsWith("open_clip")) - Number(a.startsWith("open_clip")))
    : weightsFiles;
  return preferred.find((name) => files.has(name));
}

/**
 * Which of a repository's files make the model, weights last: one format of weights is enough.
 * @throws ClipError "not-found" if there are none.
 */
export function chooseFiles(listed: readonly string[], repository: string): string[] {
  const files = new Set(listed);
  const weights = chooseWeights(files);
  if (weights === undefined) {
    throw new ClipError(
      "not-found",
      `${repository} has no weights that clip-ts reads: expected one of ${weightsFiles.join(", ")}.`,
      { data: { repository, files: listed.slice(0, 50) } },
    );
  }
  return [...descriptions.filter((name) => files.has(name)), weights];
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
