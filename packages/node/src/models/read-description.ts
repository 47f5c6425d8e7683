import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import {
  findPreprocess,
  parseOpenClipPreprocess,
  readPreprocessorFiles,
  torchvisionPreprocess,
  usualNotice,
  usualPreprocess,
  type PreprocessConfig,
  type PreprocessorFolder,
} from "@clip-ts/image";
import {
  inferClipConfig,
  isOpenClipConfig,
  parseClipConfig,
  parseOpenClipConfig,
  parseTowerConfig,
  preset,
  type ClipConfig,
  type InferOptions,
  type ParseOptions,
} from "@clip-ts/model";
import { detectLayout } from "@clip-ts/weights";
import { readJson } from "../files.ts";
import { warnOnce } from "../say-once.ts";
import { inferFromShapes } from "./infer-from-weights.ts";
import { isFile, modelFiles } from "./model-files.ts";
import { readConfigs } from "./read-configs.ts";
import { onlyTower, withWeights } from "./weights-file.ts";

/** Config and preprocessing of a model. */
export interface ModelFacts {
  readonly config: ClipConfig;
  readonly preprocess: PreprocessConfig;
}

/** How a model's files are read, and what a caller says of weights that come without a config. */
export interface DescribeOptions extends InferOptions, ParseOptions {
  /** Hears what is assumed where no file says it; by default a warning on the console, once for each model. */
  readonly onNotice?: (line: string) => void;
  /** One of clip-ts's presets, which are open_clip's names too. */
  readonly preset?: string | undefined;
  /** A config file elsewhere: ours, Hugging Face's or open_clip's. */
  readonly configFile?: string | undefined;
  /** The config of a model that they are known to be like. */
  readonly like?: ClipConfig | undefined;
}

/** The config of weights that come without one, from their shapes and what the options say. */
function inferFromWeights(place: string, options: DescribeOptions): Promise<ClipConfig> {
  return withWeights(place, (file) => {
    const layout = detectLayout(file.names);
    if (layout === "torchvision" || layout === "roberta") throw onlyTower(place, layout);
    return Promise.resolve(inferFromShapes(place, file, options, inferClipConfig));
  });
}

/** Facts of weights that come without a config: as the options name them, else from their shapes. */
async function factsOfBare(place: string, options: DescribeOptions): Promise<ModelFacts> {
  const { preset: name, configFile, like } = options;
  if (configFile !== undefined) return readConfigFile(configFile, options);
  const named = name === undefined ? like : preset(name);
  const config = named ?? (await inferFromWeights(place, options));
  // Weights without transformers' config are OpenAI's, open_clip's or like theirs.
  const usual = torchvisionPreprocess(usualPreprocess(config));
  return {
    config,
    preprocess: await findPreprocess(preprocessorsIn(place, options), config, usual),
  };
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

async function parseOpenClip(
  path: string,
  { onNotice = warnOnce }: DescribeOptions = {},
): Promise<ModelFacts> {
  const json = await readJson(path);
  const config = parseOpenClipConfig(json);
  const { preprocess_cfg: keys } = json as Readonly<Record<string, unknown>>;
  const { imageSize } = config.vision;
  if (keys !== undefined && keys !== null) {
    return { config, preprocess: parseOpenClipPreprocess(keys, imageSize) };
  }
  const usual = torchvisionPreprocess(usualPreprocess(config));
  onNotice(usualNotice(path, "preprocess_cfg", usual));
  return { config, preprocess: usual };
}

/** A folder's preprocessing files; a file of weights has none beside it. */
function preprocessorsIn(
  place: string,
  { onNotice = warnOnce }: DescribeOptions = {},
): PreprocessorFolder {
  const read = async (name: string): Promise<unknown> => {
    const path = join(place, name);
    return isFile(place) || !existsSync(path) ? undefined : readJson(path);
  };
  return { place, read, onNotice };
}

/** The preprocessing that a folder's Hugging Face files say, if they do. */
export function readPreprocessor(folder: string): Promise<PreprocessConfig | undefined> {
  return readPreprocessorFiles(preprocessorsIn(folder));
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
  return (await parseOpenClip(openClip)).preprocess;
}

/** Reads a `config.json` of any name, and the preprocessing that lies beside it. */
export async function readConfigFile(
  path: string,
  options: DescribeOptions = {},
): Promise<ModelFacts> {
  const json = await readJson(path);
  if (isOpenClipConfig(json)) return parseOpenClip(path, options);
  const config = parseClipConfig(json, options);
  const folder = preprocessorsIn(dirname(path), options);
  return { config, preprocess: await findPreprocess(folder, config) };
}

/**
 * Reads config and preprocessing from wherever a model keeps them. `place` is a file or a folder; `options`
 * say what weights without a config do not.
 */
export async function readDescription(
  place: string,
  options: DescribeOptions = {},
): Promise<ModelFacts> {
  const { own, openClip } = await readConfigs(place);
  if (own !== undefined || openClip !== undefined) refuseSaid(place, options);
  if (own !== undefined && parseTowerConfig(own) !== undefined) {
    const { model_type: type } = own as Readonly<Record<string, unknown>>;
    throw onlyTower(place, typeof type === "string" ? type : "torchvision");
  }
  if (own === undefined && openClip !== undefined) {
    return parseOpenClip(join(place, modelFiles.openClipConfig), options);
  }
  if (own === undefined) return factsOfBare(place, options);
  const config = parseClipConfig(own, options);
  return { config, preprocess: await findPreprocess(preprocessorsIn(place, options), config) };
}
