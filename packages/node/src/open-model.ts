import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ClipError, modelFiles, sentencePieceFiles, tokenizerFiles, weightsFiles } from "@clip-ts/base";
import { openFile, readBytes } from "@clip-ts/files";
import { downloadModel, isHubReference, type ModelDownloadOptions } from "@clip-ts/hub";
import {
  modelIn,
  openModelIn,
  openTowerIn,
  readConfigFile,
  readDescription,
  readWhole,
  withWeightsIn,
  type ConfigFile,
  type DescribeOptions,
  type Model,
  type ModelDescription,
  type ModelFacts,
  type ModelFiles,
  type StoredTower,
} from "@clip-ts/inference";
import type { ClipConfig } from "@clip-ts/model";
import { openTokenizer, type Tokenizer } from "@clip-ts/tokenizer";
import type { TensorFile } from "@clip-ts/weights";
import { downloadPublished, findPublished, isPublished, meant } from "./published-models.ts";
import { latestFolders } from "./run-folder.ts";

/** Whether the path is a file, such as `ViT-B-32.pt`, and no folder. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function holdsModel(folder: string): boolean {
  const names = [modelFiles.config, modelFiles.openClipConfig, ...weightsFiles];
  return names.some((name) => existsSync(join(folder, name)));
}

/** The place of a model on this machine; undefined if there is none. */
function locatedModel(model: string): string | undefined {
  const path = resolve(model);
  return isFile(path) ? path : [path, ...latestFolders(path)].find(holdsModel);
}

function noModel(model: string, hint = ""): ClipError {
  return new ClipError(
    "not-found",
    `There is no model in ${model}: expected a folder with ${modelFiles.config} and ${modelFiles.weights} ` +
      "(or open_clip's files), a run folder with a checkpoint, a file of weights, a published model's name " +
      `(clip-ts models lists them), or hf:owner/name.${hint}`,
    { data: { model } },
  );
}

/**
 * Where a model lies on this machine: a file of weights, a model folder, or the latest checkpoint of a
 * run folder.
 * @throws ClipError "not-found" that says what was looked for.
 */
export function locateModel(model: string): string {
  const found = locatedModel(model);
  if (found === undefined) throw noModel(model);
  return found;
}

/** Who hears of a download, who ends it, and of which precision graphs are fetched for want of weights. */
export type ResolveOptions = Pick<ModelDownloadOptions, "onNotice" | "onProgress" | "signal" | "dtype">;

/**
 * The same for any model: one on the Hugging Face hub (`hf:owner/name`), or a published one by its name
 * (`ViT-B-32/laion2b_s34b_b79k`, `openai/clip-vit-base-patch32`), is downloaded, unless it is there already. What lies
 * here under the name goes first, which `onNotice` hears.
 */
export async function resolveModel(model: string, options: ResolveOptions = {}): Promise<string> {
  if (isHubReference(model)) return downloadModel(model, options);
  const local = locatedModel(model);
  if (local !== undefined) {
    if (await isPublished(model)) options.onNotice?.(`${model}: what lies here is taken, not the published model.`);
    return local;
  }
  if (existsSync(resolve(model))) throw noModel(model);
  const published = await findPublished(model);
  if (published === undefined) throw noModel(model, await meant(model));
  return downloadPublished(published, options);
}

/** The files of a folder; some of them under other paths, if they are given. */
function filesOfFolder(
  folder: string,
  { name = folder, others = {} }: { name?: string; others?: Readonly<Record<string, string>> } = {},
): ModelFiles {
  const pathOf = (file: string): string => others[file] ?? join(folder, file);
  const ifThere = async <Result>(file: string, use: (path: string) => Promise<Result>): Promise<Result | undefined> => {
    const path = pathOf(file);
    return existsSync(path) ? use(path) : undefined;
  };
  return {
    name,
    place: folder,
    pathOf,
    readText: (file) => ifThere(file, async (path) => Buffer.from(await readBytes(path)).toString()),
    open: (file) => ifThere(file, openFile),
  };
}

/** The files of a model at a place that `locateModel` gives: a folder's, or weights and nothing beside them. */
export function filesAt(place: string, name: string = place): ModelFiles {
  if (!isFile(place)) return filesOfFolder(place, { name });
  const weights = basename(place);
  const { open, pathOf, readText: readBeside } = filesOfFolder(dirname(place));
  const isIndex = (file: string): boolean => file === weights && file.endsWith(".index.json");
  return {
    name,
    place,
    weights,
    pathOf,
    readText: (file) => (isIndex(file) ? readBeside(file) : Promise.resolve(undefined)),
    open,
  };
}

/** The files of any model, downloaded if it is one of the hub's. */
export async function openFiles(model: string, options: ResolveOptions = {}): Promise<ModelFiles> {
  return filesAt(await resolveModel(model, options), model);
}

/** How a model is opened, and what a caller says of weights that come without a config. */
export interface OpenModelOptions extends Omit<DescribeOptions, "config">, ResolveOptions {
  /** A config file elsewhere: ours, Hugging Face's or open_clip's. */
  readonly configFile?: string | undefined;
}

/** A config file of any name, as it is called by its user, and the folder that it lies in. */
function configAt(path: string): ConfigFile {
  const name = basename(path);
  return { files: filesOfFolder(dirname(path), { others: { [name]: path } }), name };
}

function described({ configFile, ...options }: OpenModelOptions): DescribeOptions {
  return configFile === undefined ? options : { ...options, config: configAt(configFile) };
}

/**
 * Opens a model: a folder of Hugging Face's or open_clip's, a run, a file of weights, or `hf:owner/name`. Config,
 * preprocessing and tokenizer are read now, weights when they are asked for; where there is no config, they are
 * looked at, and `options` say what they do not. Whoever asks for the weights closes the model.
 * @throws ClipError that names what is missing, broken or not understood.
 */
export async function openModel(model: string, options: OpenModelOptions = {}): Promise<Model> {
  return openModelIn(await openFiles(model, options), described(options));
}

/** A model of which all but the weights is known already, as `openModel` opens it. */
export async function storedModel(model: string, description: ModelDescription): Promise<Model> {
  return modelIn(await openFiles(model), description);
}

/**
 * Opens one tower that stands alone: torchvision's vision transformer, CLIP's two or RoBERTa, as a folder, a
 * file of weights or `hf:owner/name`. `options` say what weights without a config do not.
 * @returns undefined for a whole model.
 */
export async function openTower(model: string, options: OpenModelOptions = {}): Promise<StoredTower | undefined> {
  return openTowerIn(await openFiles(model, options), described(options));
}

/** Opens a model's weights as they are stored, one file of any format or shards, for as long as `use` runs. */
export async function withWeights<Result>(model: string, use: (file: TensorFile) => Promise<Result>): Promise<Result> {
  return withWeightsIn(await openFiles(model), use);
}

/** A model without its weights, and the files among which its tokenizer may lie. */
export interface Architecture extends ModelFacts {
  readonly files: ModelFiles;
}

async function noSuchConfig(model: string): Promise<ClipError> {
  return new ClipError(
    "not-found",
    `There is no ${model}: expected a config.json (ours, Hugging Face's or open_clip's), or a folder that holds one.${await meant(model)}`,
    { data: { model } },
  );
}

/**
 * Reads what a model is, to train it from scratch: `model` is a `config.json` (ours, Hugging Face's or
 * open_clip's) of any name, or whatever `openModel` opens. Preprocessing comes from the files beside
 * the config, else it is what is usual for the kind of model.
 * @throws ClipError for a place without a model, or a config that makes no sense.
 */
export async function readArchitecture(model: string): Promise<Architecture> {
  const isThere = isHubReference(model) || existsSync(model) || (await isPublished(model));
  if (!isThere) throw await noSuchConfig(model);
  const files = await openFiles(model);
  const { place } = files;
  if (!isFile(place)) return { ...(await readDescription(files)), files };
  const facts = place.endsWith(".json") ? await readConfigFile(configAt(place)) : await readDescription(files);
  return { ...facts, files: filesOfFolder(dirname(place)) };
}

/** The files of a tokenizer by itself. */
async function tokenizerFilesAt(tokenizer: string): Promise<ModelFiles> {
  const isElsewhere = isHubReference(tokenizer) || (!existsSync(tokenizer) && (await isPublished(tokenizer)));
  if (isElsewhere) return filesOfFolder(await resolveModel(tokenizer));
  const path = resolve(tokenizer);
  if (!isFile(path)) return filesOfFolder(path);
  const isNamed = [...tokenizerFiles, ...sentencePieceFiles].includes(basename(path));
  return filesOfFolder(dirname(path), isNamed ? {} : { others: { "tokenizer.json": path } });
}

/**
 * Opens a tokenizer by itself for a text tower: a folder with `tokenizer.json` (or `vocab.json` and
 * `merges.txt`, `vocab.txt`, a SentencePiece model), one of those files, or `hf:owner/name`.
 * @throws ClipError "not-found" that says what was looked for.
 */
export async function readTokenizerAlone(
  place: string,
  { text }: Pick<ClipConfig, "text">,
): Promise<{ readonly tokenizer: Tokenizer }> {
  const { readText, pathOf, open } = await tokenizerFilesAt(place);
  const names = ["tokenizer.json", "vocab.json", "vocab.txt", ...sentencePieceFiles];
  const hasFiles = names.some((name) => existsSync(pathOf(name)));
  const tokenizer = hasFiles ? await openTokenizer(text, readText, { readBytes: readWhole({ open }) }) : undefined;
  if (tokenizer !== undefined) return { tokenizer };
  throw new ClipError(
    "not-found",
    `There is no tokenizer in ${place}: expected a folder with tokenizer.json (or vocab.json and merges.txt, vocab.txt, or a SentencePiece model), or that file.${await meant(place)}`,
    { data: { place } },
  );
}
