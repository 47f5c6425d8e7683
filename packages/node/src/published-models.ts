import { randomUUID } from "node:crypto";
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { basename, join } from "node:path";
import {
  chooseOpenClipWeights,
  chooseTokenizerFiles,
  isClipError,
  mayBeModelName,
  modelFiles,
  openClipWeightsName,
} from "@clip-ts/base";
import { writeFileWhole } from "@clip-ts/files";
import {
  didYouMeanHub,
  downloadFiles,
  downloadModel,
  downloadUrl,
  type DownloadOptions,
  type ModelDownloadOptions,
} from "@clip-ts/hub";
import type { FoundModel, FoundWeights } from "@clip-ts/model/published";
import { cachePlace } from "./remote/remote-options.ts";

/** The list of published models, loaded when something may be a name. */
const published = () => import("@clip-ts/model/published");

/**
 * The published model that a name stands for; undefined for anything else.
 * @throws ClipError "not-found" for an architecture of open_clip's with several weights, or none of that tag.
 */
export async function findPublished(name: string): Promise<FoundModel | undefined> {
  return mayBeModelName(name) ? (await published()).findModel(name) : undefined;
}

/** Whether a name stands for a published model, one of its architectures' too. */
export async function isPublished(name: string): Promise<boolean> {
  try {
    return (await findPublished(name)) !== undefined;
  } catch {
    return true; // what is thrown names the weights there are
  }
}

/** ' Did you mean …?' for a name that is like published ones, or like a repository's; else nothing. */
export async function meant(name: string): Promise<string> {
  if (!mayBeModelName(name)) return "";
  const nearest = (await published()).nearestNames(name);
  const hub = didYouMeanHub(name);
  if (nearest.length === 0) return hub;
  const or = hub === "" ? "" : ` Or is it on the hub?${hub}`;
  return ` Published names near it: ${nearest.join(", ")}.${or}`;
}

type Options = Pick<DownloadOptions, "onNotice" | "onProgress" | "signal">;

async function fromHub({ repository = "", file }: FoundWeights, options: Options): Promise<string> {
  let chosen = "";
  const choose = (listed: readonly string[]): string[] => [(chosen = chooseOpenClipWeights(listed, repository, file))];
  const folder = await downloadFiles(`hf:${repository}`, choose, options);
  return join(folder, chosen);
}

function fromUrl({ url = "", sha256 }: FoundWeights, options: Options): Promise<string> {
  const path = cachePlace(join("models", "downloads", `${sha256 ?? ""}${basename(url)}`));
  return downloadUrl({ url, path, ...(sha256 !== undefined && { sha256 }) }, options);
}

/** The weights' file: from the hub, as open_clip prefers, else from the other address that its list knows. */
async function fetchWeights(found: FoundWeights, options: Options): Promise<string> {
  if (found.repository === undefined) return fromUrl(found, options);
  try {
    return await fromHub(found, options);
  } catch (error) {
    if (found.url === undefined || !isClipError(error) || error.code !== "not-found") throw error;
    options.onNotice?.(`${error.message} Its other address is tried: ${found.url}.`);
    return fromUrl(found, options);
  }
}

/** Whether a path shows a file already: a link to it, or what was made of it where there are no links. */
async function isShown(target: string, path: string): Promise<boolean> {
  const linked = await readlink(path).catch(() => undefined);
  if (linked !== undefined) return linked === target;
  const [there, own] = await Promise.all([stat(path).catch(() => undefined), stat(target)]);
  return there !== undefined && there.size === own.size && there.mtimeMs >= own.mtimeMs;
}

/** Shows a file of a cache in a folder under a name: by a link where there are links, at once for all who look. */
async function show(file: string, path: string): Promise<void> {
  const target = await realpath(file);
  if (await isShown(target, path)) return;
  const made = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await symlink(target, made)
      .catch(() => link(target, made))
      .catch(() => copyFile(target, made));
    await rename(made, path);
  } finally {
    await rm(made, { force: true });
  }
}

/**
 * The folder of weights that open_clip publishes: open_clip's config of their architecture, as its list has it, and
 * links to weights and tokenizer in the cache of the hub.
 */
async function weightsFolder(found: FoundWeights, options: Options): Promise<string> {
  const folder = cachePlace(join("models", "open_clip", found.name));
  const weights = await fetchWeights(found, options);
  const links = new Map([[openClipWeightsName(basename(weights)), weights]]);
  if (found.tokenizer !== undefined) {
    const place = await downloadFiles(`hf:${found.tokenizer}`, chooseTokenizerFiles, options);
    for (const name of chooseTokenizerFiles(await readdir(place))) links.set(name, join(place, name));
  }
  await mkdir(folder, { recursive: true });
  for (const [name, file] of links) await show(file, join(folder, name));
  await writeConfig(join(folder, modelFiles.openClipConfig), found.config);
  return folder;
}

async function writeConfig(path: string, config: object): Promise<void> {
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  if ((await readFile(path, "utf8").catch(() => undefined)) !== text) await writeFileWhole(path, text);
}

const downloads = new Map<string, Promise<string>>();

/**
 * Brings a published model into the cache and gives its folder; what is there already is not fetched again. `dtype` is
 * of graphs, in repositories of transformers' that have no weights.
 */
export function downloadPublished(
  found: FoundModel,
  options: Options & Pick<ModelDownloadOptions, "dtype"> = {},
): Promise<string> {
  if (found.kind === "hub") {
    const { repository, revision = "main" } = found;
    return downloadModel(`hf:${repository}@${revision}`, options);
  }
  const isShared = options.signal === undefined; // one's signal ends no other's
  const known = isShared ? downloads.get(found.name) : undefined;
  if (known !== undefined) return known;
  const started = weightsFolder(found, options);
  if (isShared) {
    downloads.set(found.name, started);
    started.catch(() => downloads.delete(found.name)); // a failure may be tried again
  }
  return started;
}
