import { ClipError } from "@clip-ts/base";
import {
  cachedSnapshot,
  cachePlaces,
  chooseFiles,
  isCommit,
  rememberCommit,
  shardsOf,
} from "./hub-cache.ts";
import { downloadFile, type DownloadProgress } from "./download-file.ts";
import { isOut, odd } from "./hub-errors.ts";
import {
  defaultRetries,
  defaultTimeout,
  hubSettings,
  parseHubReference,
  type HubReference,
  type HubSettings,
} from "./hub-settings.ts";
import { requestJson } from "./hub-answers.ts";

/** How a model is downloaded. */
export interface DownloadOptions {
  readonly settings?: HubSettings;
  /** Hears of every piece that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Hears in a line why the hub is asked again, or that the cache is used in its place. */
  readonly onNotice?: (message: string) => void;
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
): Promise<Listing | string> {
  const { repository } = reference;
  const places = cachePlaces(settings, reference);
  const cached = await cachedSnapshot(places, reference);
  const absent = (reason: string): ClipError =>
    new ClipError(
      "not-found",
      `hf:${repository} is not in the cache (${places.snapshot("")}), and ${reason}.`,
      { data: { ...reference } },
    );
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

async function download(model: string, options: DownloadOptions): Promise<string> {
  const { onProgress, onNotice } = options;
  const given = options.settings ?? hubSettings();
  const settings = onNotice === undefined ? given : { ...given, onNotice };
  const reference = parseHubReference(model);
  const { repository, revision } = reference;
  const found = await listOrCached(settings, reference);
  if (typeof found === "string") return found;
  const places = cachePlaces(settings, reference);
  const { commit, files } = found;
  const fetchFile = (file: string): Promise<string> =>
    downloadFile({ settings, places, repository, commit, file, onProgress });
  for (const file of chooseFiles(files, model)) {
    const path = await fetchFile(file);
    if (!file.endsWith(".index.json")) continue;
    for (const shard of await shardsOf(path, repository)) await fetchFile(shard);
  }
  await rememberCommit(places, revision, commit).catch((error: unknown) => {
    if (!readOnly.has((error as NodeJS.ErrnoException).code)) throw error;
  });
  return places.snapshot(commit);
}

/** Models that this process asked the hub for already. */
const downloads = new Map<string, Promise<string>>();

/**
 * Brings a model of the hub (`hf:owner/name`, perhaps with `@revision`) into the cache that Hugging
 * Face's own tools share, and gives its folder. What is there already is not fetched again; where the
 * hub is out of reach, fails or is not itself, the cache has to do. Processes that want the same model at
 * once fetch it once. Within a process the hub is asked once for each model.
 * @throws ClipError for a repository that is not there or may not be read, for damaged files, and for a
 * hub that is silent for too long or refuses too often.
 */
export function downloadModel(model: string, options: DownloadOptions = {}): Promise<string> {
  const known = options.settings === undefined ? downloads.get(model) : undefined;
  if (known !== undefined) return known;
  const started = download(model, options);
  if (options.settings === undefined) {
    downloads.set(model, started);
    started.catch(() => downloads.delete(model)); // a failure may be tried again
  }
  return started;
}
