import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { readJson } from "../files.ts";
import { chooseFiles } from "./choose-files.ts";
import { downloadFile, type DownloadProgress, type FileRequest } from "./download-file.ts";
import { cachedCommit, cachePlaces, rememberCommit, type CachePlaces } from "./hub-cache.ts";
import { parseHubReference, type HubReference } from "./hub-reference.ts";
import { hubSettings, type HubSettings } from "./hub-settings.ts";
import { isUnreachable, requestHub } from "./request-hub.ts";

/** How a model is downloaded. */
export interface DownloadOptions {
  readonly settings?: HubSettings;
  /** Hears of every piece that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
}

interface Listing {
  readonly commit: string;
  readonly files: readonly string[];
}

/** Asks which commit a revision stands at and what files it has. */
async function listFiles(settings: HubSettings, reference: HubReference): Promise<Listing> {
  const revision = encodeURIComponent(reference.revision);
  const url = `${settings.endpoint}/api/models/${reference.repository}/revision/${revision}`;
  const answer = (await (await requestHub(url, settings)).json()) as {
    readonly sha?: unknown;
    readonly siblings?: readonly { readonly rfilename: string }[];
  };
  if (typeof answer.sha !== "string" || !/^[0-9a-f]+$/u.test(answer.sha)) {
    throw new ClipError("bad-data", `${url} names no commit.`, { data: { url } });
  }
  return { commit: answer.sha, files: (answer.siblings ?? []).map((file) => file.rfilename) };
}

/** The snapshot that an earlier download left. */
async function fromCache(
  places: CachePlaces,
  { repository, revision }: HubReference,
  reason: string,
): Promise<string> {
  const commit = await cachedCommit(places, revision);
  const folder = commit === undefined ? undefined : places.snapshot(commit);
  if (folder !== undefined && existsSync(folder)) return folder;
  throw new ClipError(
    "not-found",
    `hf:${repository} is not in the cache (${places.snapshot("")}), and ${reason}.`,
    { data: { repository, revision } },
  );
}

/** Shards are named by their index, which is downloaded first. */
async function shardsOf(index: string): Promise<string[]> {
  const { weight_map: files } = (await readJson(index)) as { readonly weight_map?: object };
  const names = Object.values(files ?? {}) as string[];
  return [...new Set(names)].filter((name) => /^[^/\\]+$/u.test(name) && !name.startsWith(".."));
}

async function download(model: string, options: DownloadOptions): Promise<string> {
  const { settings = hubSettings(), onProgress } = options;
  const reference = parseHubReference(model);
  const { repository, revision } = reference;
  const places = cachePlaces(settings, reference);
  if (settings.isOffline) return fromCache(places, reference, "HF_HUB_OFFLINE is set");
  let listing: Listing;
  try {
    listing = await listFiles(settings, reference);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return fromCache(places, reference, (error as Error).message.replace(/\.$/u, ""));
  }
  const { commit, files } = listing;
  const fetchFile = (file: string): Promise<string> =>
    downloadFile({ settings, places, repository, commit, file, onProgress } satisfies FileRequest);
  for (const file of chooseFiles(files, model)) {
    const path = await fetchFile(file);
    if (!file.endsWith(".index.json")) continue;
    for (const shard of await shardsOf(path)) await fetchFile(shard);
  }
  await rememberCommit(places, revision, commit);
  return join(places.snapshot(commit));
}

/** Models that this process asked the hub for already. */
const downloads = new Map<string, Promise<string>>();

/**
 * Brings a model of the hub (`hf:owner/name`, perhaps with `@revision`) into the cache that Hugging
 * Face's own tools share, and gives its folder. What is there already is not fetched again; without a
 * network, the cache has to do. Within a process the hub is asked once for each model.
 * @throws ClipError for a repository that is not there or may not be read, and for damaged files.
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
