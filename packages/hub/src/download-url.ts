import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import { syncFolder, withFileLock } from "@clip-ts/files";
import { settingsOf, type DownloadOptions } from "./download-model.ts";
import { fetchBlob } from "./fetch-blob.ts";
import { asTheyAre, sizeOf, type FileFacts } from "./hub-answers.ts";
import { defaultTimeout, etagOf, type HubSettings } from "./hub-settings.ts";
import { requestHub } from "./request-hub.ts";

/** What is fetched from an address of its own. */
export interface UrlFile {
  readonly url: string;
  /** Where it is kept. */
  readonly path: string;
  /** The beginning of its SHA-256 in hexadecimal, as far as it is known; empty or absent where it is not. */
  readonly sha256?: string;
}

/** What the server says of the file; its redirects are followed, the hub's token is not shown to it. */
async function askUrl(url: string, settings: HubSettings): Promise<FileFacts> {
  const answer = await requestHub(url, settings, { method: "HEAD", headers: asTheyAre, isAnonymous: true });
  answer.discard();
  return { url, etag: etagOf(answer.headers.get("etag"), url) ?? "none", size: sizeOf(answer) };
}

/** @throws ClipError "bad-data" for a file, then deleted, whose hash is not what it should be. */
async function checkHash({ url, sha256 = "" }: UrlFile, partial: string): Promise<void> {
  if (sha256 === "") return;
  const hash = createHash("sha256");
  await pipeline(createReadStream(partial), hash);
  const actual = hash.digest("hex");
  if (actual.startsWith(sha256)) return;
  await rm(partial, { force: true });
  const message = `${url} arrived damaged: its SHA-256 is ${actual}, and should begin with ${sha256}. It was deleted; try again.`;
  throw new ClipError("bad-data", message, { data: { url, actual, expected: sha256 } });
}

async function fetchTo(
  file: UrlFile,
  partial: string,
  settings: HubSettings,
  onProgress: DownloadOptions["onProgress"],
): Promise<void> {
  const { url, path } = file;
  const facts = await askUrl(url, settings);
  const name = basename(path);
  const onBytes = (received: number, total: number | undefined): void => onProgress?.({ file: name, received, total });
  await fetchBlob({ settings, facts, partial, onBytes });
  await checkHash(file, partial);
  await rename(partial, path);
  await syncFolder(dirname(path));
}

/**
 * Brings a file from an address that is no repository's to its place, unless it is there: broken downloads go on
 * where they broke, one process fetches for all, and the hash is checked where it is known. @returns the place.
 * @throws ClipError "not-found" offline, "bad-data" for a wrong hash, and as {@link downloadModel} does.
 */
export async function downloadUrl(file: UrlFile, options: DownloadOptions = {}): Promise<string> {
  const { url, path } = file;
  if (existsSync(path)) return path;
  const settings = settingsOf(options);
  const { timeout = defaultTimeout, onNotice, signal } = settings;
  if (settings.isOffline) {
    throw new ClipError("not-found", `${url} was not fetched before (${path}), and HF_HUB_OFFLINE is set.`, {
      data: { url, path },
    });
  }
  await mkdir(dirname(path), { recursive: true });
  const wait = {
    patience: 2 * timeout,
    async signOfLife() {
      signal?.throwIfAborted();
      return (await stat(`${path}.incomplete`).catch(() => undefined))?.mtimeMs;
    },
    onTaken: () => onNotice?.(`Another process fetches ${url}: waiting for it.`),
  };
  await withFileLock(`${path}.lock`, wait, async (isLocked) => {
    const partial = `${path}${isLocked ? "" : `.${randomUUID().slice(0, 8)}`}.incomplete`;
    if (!existsSync(path)) await fetchTo(file, partial, settings, options.onProgress);
  });
  return path;
}
