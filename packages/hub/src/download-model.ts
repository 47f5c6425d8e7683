import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError, modelFiles, parseHubReference, type HubReference, type WeightsDtype } from "@clip-ts/base";
import { syncFolder, withFileLock } from "@clip-ts/files";
import { fetchBlob, sizeAt } from "./fetch-blob.ts";
import { askFacts, requestJson, type FileFacts, type HubFile } from "./hub-answers.ts";
import {
  cachedSnapshot,
  cachePlaces,
  chooseModel,
  isCommit,
  linkBlob,
  rememberCommit,
  shardsOf,
  type CachePlaces,
  type ChooseFiles,
} from "./hub-cache.ts";
import { isOut, isTransient, odd } from "./hub-errors.ts";
import { defaultRetries, defaultTimeout, hubSettings, safeName, type HubSettings } from "./hub-settings.ts";

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
async function fetchChecked(request: FileRequest, facts: FileFacts, partial: string): Promise<void> {
  const { settings, file, onProgress } = request;
  const onBytes = (received: number, total: number | undefined): void => onProgress?.({ file, received, total });
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
  const { timeout = defaultTimeout, onNotice, signal } = request.settings;
  const wait = {
    patience: 2 * timeout,
    async signOfLife() {
      signal?.throwIfAborted();
      return othersProgress(blob);
    },
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
async function downloadFile(request: FileRequest): Promise<string> {
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

/** How a model is downloaded. */
export interface DownloadOptions {
  readonly settings?: HubSettings;
  /** Hears of every piece that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Hears in a line why the hub is asked again, or that the cache is used in its place. */
  readonly onNotice?: (message: string) => void;
  /** Ends the download with its reason; what arrived is kept, and the next one continues it. */
  readonly signal?: AbortSignal | undefined;
}

interface Listing {
  readonly commit: string;
  readonly files: readonly string[];
}

/** Milliseconds given to the hub to say what is new, where the cache has the model already. */
const shortTimeout = 10_000;

/** Asks which commit a revision stands at and what files it has. */
async function listFiles(settings: HubSettings, reference: HubReference): Promise<Listing> {
  const { repository, revision } = reference;
  const url = `${settings.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const { sha, siblings = [] } = await requestJson(url, settings);
  if (typeof sha !== "string" || !isCommit(sha)) throw odd(url, "names no commit.", true);
  if (isCommit(revision) && sha !== revision) throw odd(url, `answers for commit ${sha}.`);
  if (!Array.isArray(siblings)) throw odd(url, "lists no files.", true);
  const files = siblings.map((file: { readonly rfilename?: unknown } | null) => file?.rfilename);
  return { commit: sha, files: files.filter((name) => typeof name === "string") };
}

/** Settings for a question whose answer the cache can do without: asked once, and not for long. */
function impatient(settings: HubSettings): HubSettings {
  const timeout = Math.min(settings.timeout ?? defaultTimeout, shortTimeout);
  return { ...settings, timeout, retry: { ...defaultRetries, retries: 0 } };
}

/** What to download, or the folder in the cache that has to do instead. */
async function listOrCached(
  settings: HubSettings,
  reference: HubReference,
  choose: ChooseFiles,
): Promise<Listing | string> {
  const { repository } = reference;
  const places = cachePlaces(settings, reference);
  const cached = await cachedSnapshot(places, reference, choose);
  const absent = (reason: string): ClipError =>
    new ClipError("not-found", `hf:${repository} is not in the cache (${places.snapshot("")}), and ${reason}.`, {
      data: { ...reference },
    });
  if (settings.isOffline) {
    if (cached !== undefined) return cached;
    throw absent("HF_HUB_OFFLINE is set");
  }
  try {
    return await listFiles(cached === undefined ? settings : impatient(settings), reference);
  } catch (error) {
    if (!(error instanceof ClipError) || !isOut(error)) throw error;
    if (cached === undefined) throw absent(error.message.replace(/\.$/u, ""));
    settings.onNotice?.(`${error.message} The copy in the cache is used: ${cached}.`);
    return cached;
  }
}

/** Which of a cache's own troubles do not matter where nothing has to be written. */
const readOnly: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EROFS"]);

/** The settings as given or found, with what the options say. */
export function settingsOf({ settings = hubSettings(), onNotice, signal }: DownloadOptions): HubSettings {
  return { ...settings, ...(onNotice !== undefined && { onNotice }), ...(signal !== undefined && { signal }) };
}

/**
 * Brings files of a repository (`hf:owner/name`, perhaps with `@revision`) into the cache: those that `choose` names
 * of all that are listed there. Otherwise as {@link downloadModel}. @returns the folder that holds them.
 */
export async function downloadFiles(
  model: string,
  choose: ChooseFiles,
  options: DownloadOptions = {},
): Promise<string> {
  const { onProgress } = options;
  const settings = settingsOf(options);
  const reference = parseHubReference(model);
  const { repository, revision } = reference;
  const found = await listOrCached(settings, reference, choose);
  if (typeof found === "string") return found;
  const places = cachePlaces(settings, reference);
  const { commit, files } = found;
  const fetchFile = (file: string): Promise<string> =>
    downloadFile({ settings, places, repository, commit, file, onProgress });
  for (const file of await choose(files, model, () => fetchFile(modelFiles.config))) {
    const path = await fetchFile(file);
    if (!file.endsWith(".index.json")) continue;
    for (const shard of await shardsOf(path, repository)) await fetchFile(shard);
  }
  await rememberCommit(places, revision, commit).catch((error: unknown) => {
    if (!readOnly.has((error as NodeJS.ErrnoException).code)) throw error;
  });
  return places.snapshot(commit);
}

/** How a model is downloaded, and which of its files if it is stored as graphs. */
export interface ModelDownloadOptions extends DownloadOptions {
  /** Of a repository with ONNX graphs and no weights, those of this precision; the most exact there if undefined. */
  readonly dtype?: WeightsDtype | undefined;
}

/** Models that this process asked the hub for already. */
const downloads = new Map<string, Promise<string>>();

/**
 * Brings a model of the hub (`hf:owner/name`, perhaps with `@revision`) into the cache that Hugging
 * Face's own tools share, and gives its folder. A repository that has ONNX graphs in place of weights is one too. What is there already is not fetched again; where the
 * hub is out of reach, fails or is not itself, the cache has to do. Processes that want the same model at
 * once fetch it once. Within a process the hub is asked once for each model.
 * @throws ClipError for a repository that is not there or may not be read, for damaged files, and for a
 * hub that is silent for too long or refuses too often.
 */
export function downloadModel(model: string, options: ModelDownloadOptions = {}): Promise<string> {
  const { dtype } = options;
  const isShared = options.settings === undefined && options.signal === undefined; // one's signal ends no other's
  const key = `${model} ${dtype ?? ""}`;
  const known = isShared ? downloads.get(key) : undefined;
  if (known !== undefined) return known;
  const started = downloadFiles(model, chooseModel(dtype), options);
  if (isShared) {
    downloads.set(key, started);
    started.catch(() => downloads.delete(key)); // a failure may be tried again
  }
  return started;
}
