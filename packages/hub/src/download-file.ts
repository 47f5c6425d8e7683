import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import { syncFolder, withFileLock } from "@clip-ts/files";
import { fetchBlob, sizeAt } from "./fetch-blob.ts";
import { askFacts, type FileFacts, type HubFile } from "./hub-answers.ts";
import { linkBlob, type CachePlaces } from "./hub-cache.ts";
import { isTransient } from "./hub-errors.ts";
import { defaultTimeout, safeName, type HubSettings } from "./hub-settings.ts";

/**
 * Holds a downloaded file against the hash that the hub's ETag is: SHA-256 of large files, git's own of
 * small ones. Other ETags say nothing. @returns the file's own hash if it is another one.
 */
async function wrongHash(etag: string, path: string): Promise<string | undefined> {
  const expected = etag.toLowerCase();
  const isLarge = /^[0-9a-f]{64}$/u.test(expected);
  const isSmall = /^[0-9a-f]{40}$/u.test(expected);
  if (!isLarge && !isSmall) return undefined;
  const hash = createHash(isLarge ? "sha256" : "sha1");
  if (isSmall) hash.update(`blob ${(await stat(path)).size}\0`);
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest("hex");
  return actual === expected ? undefined : actual;
}

/** How far a download is. */
export interface DownloadProgress {
  readonly file: string;
  /** Bytes that are there. */
  readonly received: number;
  /** Bytes in all; undefined if the hub does not say. */
  readonly total: number | undefined;
}

/** A file of a repository at a commit, and who hears of the progress. */
export interface FileRequest extends HubFile {
  readonly settings: HubSettings;
  readonly places: CachePlaces;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** Says of a failure what the user can count on. */
function withAdvice(error: unknown, isKept: boolean): unknown {
  if (!isKept || !(error instanceof ClipError) || !isTransient(error)) return error;
  const message = `${error.message} What arrived is kept; run it again to continue.`;
  return new ClipError(error.code, message, { data: { ...error.data }, cause: error });
}

/** Fetches into `partial` and checks the hash; what an earlier attempt left is trusted only until then. */
async function fetchChecked(
  request: FileRequest,
  facts: FileFacts,
  partial: string,
): Promise<void> {
  const { settings, file, onProgress } = request;
  const onBytes = (received: number, total: number | undefined): void =>
    onProgress?.({ file, received, total });
  let isResumed = (await sizeAt(partial)) > 0;
  for (;;) {
    await fetchBlob({ settings, facts, partial, onBytes });
    const actual = await wrongHash(facts.etag, partial);
    if (actual === undefined) return;
    await rm(partial, { force: true });
    const what = `${file} arrived damaged: its hash is ${actual}, the hub says ${facts.etag}. It was deleted`;
    if (!isResumed) {
      const data = { file, actual, expected: facts.etag };
      throw new ClipError("bad-data", `${what}; try again.`, { data });
    }
    settings.onNotice?.(`${what}, as an earlier attempt had left a part of it: starting over.`);
    isResumed = false;
  }
}

/** What is seen of another process that fetches the same blob: sizes and times of what it collects. */
async function othersProgress(blob: string): Promise<string> {
  const folder = dirname(blob);
  const names = (await readdir(folder).catch(() => [])).filter((name) => {
    return name.startsWith(`${basename(blob)}.`) && name.endsWith(".incomplete");
  });
  const signs = names.map(async (name) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return `${name} ${found?.size} ${found?.mtimeMs}`;
  });
  return (await Promise.all(signs)).join("\n");
}

/**
 * Brings a blob into its place, once on this machine however many processes want it. Without the lock,
 * the bytes are collected under a name of this process's own: then two may fetch the same, and both
 * succeed all the same.
 */
async function fetchToPlace(request: FileRequest, facts: FileFacts, blob: string): Promise<void> {
  const { timeout = defaultTimeout, onNotice } = request.settings;
  const wait = {
    patience: 2 * timeout,
    signOfLife: () => othersProgress(blob),
    onTaken: () => onNotice?.(`Another process fetches ${request.file}: waiting for it.`),
  };
  await withFileLock(request.places.lock(facts.etag), wait, async (isLocked) => {
    if (existsSync(blob)) return;
    const own = isLocked ? "" : `.${randomUUID().slice(0, 8)}`;
    const partial = `${blob}${own}.incomplete`;
    if (!isLocked) onNotice?.(`${request.file} is fetched without a lock on ${blob}.`);
    try {
      await fetchChecked(request, facts, partial);
      await rename(partial, blob);
    } catch (error) {
      if (!isLocked) await rm(partial, { force: true });
      throw withAdvice(error, isLocked && existsSync(partial));
    }
    await syncFolder(dirname(blob));
  });
}

/**
 * Brings a file of the hub into the cache: continues what an earlier attempt left, checks its hash and
 * links it into the snapshot. @returns the path in the snapshot.
 * @throws ClipError for a file that is not there or whose name leads elsewhere, a connection that breaks
 * or stalls too often, a wrong hash or size, and a full disk.
 */
export async function downloadFile(request: FileRequest): Promise<string> {
  const { settings, places, commit, repository } = request;
  const path = join(places.snapshot(commit), safeName(request.file, repository));
  if (existsSync(path)) return path;
  const facts = await askFacts(settings, request);
  const blob = places.blob(facts.etag);
  if (!existsSync(blob)) {
    await mkdir(dirname(blob), { recursive: true });
    await fetchToPlace(request, facts, blob);
  }
  await linkBlob(blob, path);
  return path;
}
