import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { syncFolder } from "../files.ts";
import type { HubReference } from "./hub-reference.ts";
import type { HubSettings } from "./hub-settings.ts";

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
export function cachePlaces(
  { cache }: HubSettings,
  { repository, revision }: HubReference,
): CachePlaces {
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
export async function cachedCommit(
  places: CachePlaces,
  revision: string,
): Promise<string | undefined> {
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
export async function rememberCommit(
  places: CachePlaces,
  revision: string,
  commit: string,
): Promise<void> {
  if (isCommit(revision) || (await cachedCommit(places, revision)) === commit) return;
  await place(places.ref, (made) => writeFile(made, commit, { flush: true }));
}

/** Shows a blob in a snapshot under its name: a link, or a copy where there are no links. */
export async function linkBlob(blob: string, path: string): Promise<void> {
  const target = relative(dirname(path), blob);
  await place(path, (made) => symlink(target, made).catch(() => copyFile(blob, made)));
}
