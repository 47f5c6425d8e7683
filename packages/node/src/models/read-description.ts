import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
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
  type ClipConfig,
  type InferOptions,
} from "@clip-ts/model";
import { convertLayout, detectLayout } from "@clip-ts/weights";
import { readJson } from "../files.ts";
import { warnOnce } from "../say-once.ts";
import { isOpenaiArchive } from "./check-origin.ts";
import { sayingActivation } from "./missing-activation.ts";
import { isFile, modelFiles } from "./model-files.ts";
import { onlyTower, shapesOf, withWeights } from "./weights-file.ts";

/** Config and preprocessing of a model. */
export interface ModelFacts {
  readonly config: ClipConfig;
  readonly preprocess: PreprocessConfig;
}

const openaiStyle = { activation: "quick_gelu" } as const;

/** The config of weights that come without one, from their shapes; OpenAI's own use QuickGELU. */
function inferFromWeights(place: string, options: InferOptions): Promise<ClipConfig> {
  return withWeights(place, (file) => {
    const layout = detectLayout(file.names);
    if (layout === "torchvision" || layout === "roberta") throw onlyTower(place, layout);
    const shapes = shapesOf(convertLayout(file, "huggingface"));
    const known = isOpenaiArchive(file) ? openaiStyle : options;
    return Promise.resolve(sayingActivation(place, () => inferClipConfig(shapes, known)));
  });
}

/** How a model's files are read. */
export interface DescribeOptions extends InferOptions {
  /** Hears what is assumed where no file says it; by default a warning on the console, once for each model. */
  readonly onNotice?: (line: string) => void;
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
export async function readConfigFile(path: string): Promise<ModelFacts> {
  const json = await readJson(path);
  if (isOpenClipConfig(json)) return parseOpenClip(path);
  const config = parseClipConfig(json);
  return { config, preprocess: await findPreprocess(preprocessorsIn(dirname(path)), config) };
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
  if (json === undefined && hasOpenClip) {
    return parseOpenClip(at(modelFiles.openClipConfig), options);
  }
  const config =
    json === undefined ? await inferFromWeights(place, options) : parseClipConfig(json);
  const folder = preprocessorsIn(place, options);
  // Weights without transformers' config are OpenAI's, open_clip's or like theirs.
  const usual = json === undefined ? torchvisionPreprocess(usualPreprocess(config)) : undefined;
  return { config, preprocess: await findPreprocess(folder, config, usual) };
}
