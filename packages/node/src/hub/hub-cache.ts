import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { writeFileWhole } from "../files.ts";
import type { HubReference } from "./hub-reference.ts";
import type { HubSettings } from "./hub-settings.ts";

/** Places in the cache of a repository, as Hugging Face's own tools lay them out. */
export interface CachePlaces {
  /** Folder of a commit: its files link to blobs. */
  readonly snapshot: (commit: string) => string;
  /** A file's content, named by its ETag. */
  readonly blob: (etag: string) => string;
  /** Holds the commit that a branch or tag stood at. */
  readonly ref: string;
}

/** `models--owner--name/{blobs,refs,snapshots}` below the cache. */
export function cachePlaces(
  { cache }: HubSettings,
  { repository, revision }: HubReference,
): CachePlaces {
  const root = join(cache, `models--${repository.replaceAll("/", "--")}`);
  return {
    snapshot: (commit) => join(root, "snapshots", commit),
    blob: (etag) => join(root, "blobs", etag),
    ref: join(root, "refs", revision),
  };
}

const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/u.test(revision);

/** The commit that a revision stood at when the cache last heard of it. */
export async function cachedCommit(
  places: CachePlaces,
  revision: string,
): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  if (!existsSync(places.ref)) return undefined;
  return (await readFile(places.ref, "utf8")).trim();
}

/** Notes what commit a branch or tag stands at. */
export async function rememberCommit(
  places: CachePlaces,
  revision: string,
  commit: string,
): Promise<void> {
  if (isCommit(revision)) return;
  await mkdir(dirname(places.ref), { recursive: true });
  await writeFileWhole(places.ref, commit);
}

/** Shows a blob in a snapshot under its name: a link, or a copy where there are no links. */
export async function linkBlob(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  try {
    await symlink(relative(dirname(path), blob), path);
  } catch {
    await copyFile(blob, path);
  }
}
