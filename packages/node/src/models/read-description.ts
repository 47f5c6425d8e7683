import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { parsePreprocessorConfig, type PreprocessConfig } from "@clip-ts/image";
import {
  inferClipConfig,
  isOpenClipConfig,
  parseClipConfig,
  parseOpenClipConfig,
  parseTowerConfig,
  preset,
  type ClipConfig,
  type InferOptions,
} from "@clip-ts/model";
import { detectLayout } from "@clip-ts/weights";
import { readJson } from "../files.ts";
import { inferFromShapes } from "./infer-from-weights.ts";
import { isFile, modelFiles } from "./model-files.ts";
import { parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
import { usualPreprocess } from "./usual-preprocess.ts";
import { onlyTower, withWeights } from "./weights-file.ts";

/** Config and preprocessing of a model. */
export interface ModelFacts {
  readonly config: ClipConfig;
  readonly preprocess: PreprocessConfig;
}

/** What a caller says of weights that come without a config. */
export interface DescribeOptions extends InferOptions {
  /** One of clip-ts's presets, which are open_clip's names too. */
  readonly preset?: string | undefined;
  /** A config file elsewhere: ours, Hugging Face's or open_clip's. */
  readonly configFile?: string | undefined;
  /** The config of a model that they are known to be like. */
  readonly like?: ClipConfig | undefined;
}

/** The config of weights that come without one, from their shapes and what the options say. */
function inferFromWeights(place: string, options: InferOptions): Promise<ClipConfig> {
  return withWeights(place, (file) => {
    const layout = detectLayout(file.names);
    if (layout === "torchvision" || layout === "roberta") throw onlyTower(place, layout);
    return Promise.resolve(inferFromShapes(place, file, options, inferClipConfig));
  });
}

/** The config that the options name; undefined if they name none. */
async function readNamed({
  preset: name,
  configFile,
  like,
}: DescribeOptions): Promise<ModelFacts | undefined> {
  if (configFile !== undefined) return readConfigFile(configFile);
  const config = name === undefined ? like : preset(name);
  if (config === undefined) return undefined;
  return { config, preprocess: usualPreprocess(config) };
}

/** Facts of weights that come without a config. */
async function factsOfBare(place: string, options: DescribeOptions): Promise<ModelFacts> {
  const named = await readNamed(options);
  if (named !== undefined) return named;
  const config = await inferFromWeights(place, options);
  const preprocess = isFile(place) ? undefined : await readPreprocessor(place);
  return { config, preprocess: preprocess ?? usualPreprocess(config) };
}

/** @throws ClipError if the options say what the model's own config says. */
function refuseSaid(place: string, { preset: name, configFile, heads }: DescribeOptions): void {
  const given = { "--preset": name, "--config": configFile, "--heads": heads };
  const [flag] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (flag === undefined) return;
  throw new ClipError(
    "bad-argument",
    `${flag} is for weights that come without a config, and ${place} has one: leave the option out, or ` +
      "correct the config.",
    { data: { place, flag } },
  );
}

function parseOpenClip(json: unknown): ModelFacts {
  const config = parseOpenClipConfig(json);
  const { preprocess_cfg: keys } = json as Readonly<Record<string, unknown>>;
  const usual: PreprocessConfig = { ...usualPreprocess(config), convertRgb: "after-resize" };
  const { imageSize } = config.vision;
  return { config, preprocess: keys ? parseOpenClipPreprocess(keys, imageSize) : usual };
}

/** The preprocessing that a folder's `preprocessor_config.json` says, if it has one. */
export async function readPreprocessor(folder: string): Promise<PreprocessConfig | undefined> {
  const path = join(folder, modelFiles.preprocessor);
  return existsSync(path) ? parsePreprocessorConfig(await readJson(path)) : undefined;
}

/**
 * The preprocessing that a model's files say; undefined if they do not, or if `place` is a file of
 * weights.
 */
export async function readPreprocess(place: string): Promise<PreprocessConfig | undefined> {
  if (isFile(place)) return undefined;
  const openClip = join(place, modelFiles.openClipConfig);
  const said = await readPreprocessor(place);
  if (said !== undefined || !existsSync(openClip)) return said;
  return parseOpenClip(await readJson(openClip)).preprocess;
}

/** Reads a `config.json` of any name, and the preprocessing that lies beside it. */
export async function readConfigFile(path: string): Promise<ModelFacts> {
  const json = await readJson(path);
  if (isOpenClipConfig(json)) return parseOpenClip(json);
  const config = parseClipConfig(json);
  const preprocess = await readPreprocessor(dirname(path));
  return { config, preprocess: preprocess ?? usualPreprocess(config) };
}

/** Model types whose `config.json` is understood; open_clip's repositories may hold another for timm. */
const knownTypes: ReadonlySet<unknown> = new Set([
  "clip",
  "siglip",
  "vision-text-dual-encoder",
  "clip-ts",
]);

/** The content of `config.json`, unless it is another library's and open_clip's stands beside it. */
async function readOwnConfig(path: string, hasOpenClip: boolean): Promise<unknown> {
  const json = await readJson(path);
  const { model_type: type } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (parseTowerConfig(json) !== undefined) {
    throw onlyTower(dirname(path), typeof type === "string" ? type : "torchvision");
  }
  return hasOpenClip && !knownTypes.has(type) ? undefined : json;
}

/**
 * Reads config and preprocessing from wherever a model keeps them. `place` is a file or a folder; `options`
 * say what weights without a config do not.
 */
export async function readDescription(
  place: string,
  options: DescribeOptions = {},
): Promise<ModelFacts> {
  const at = (name: string): string => join(place, name);
  const hasFile = (name: string): boolean => !isFile(place) && existsSync(at(name));
  const hasOpenClip = hasFile(modelFiles.openClipConfig);
  const json = hasFile(modelFiles.config)
    ? await readOwnConfig(at(modelFiles.config), hasOpenClip)
    : undefined;
  if (json !== undefined || hasOpenClip) refuseSaid(place, options);
  if (json === undefined && hasOpenClip)
    return parseOpenClip(await readJson(at(modelFiles.openClipConfig)));
  if (json === undefined) return factsOfBare(place, options);
  const config = parseClipConfig(json);
  const preprocess = isFile(place) ? undefined : await readPreprocessor(place);
  return { config, preprocess: preprocess ?? usualPreprocess(config) };
}
