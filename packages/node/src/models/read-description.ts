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
import { readConfigs } from "./read-configs.ts";
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

/**
 * Reads config and preprocessing from wherever a model keeps them. `place` is a file or a folder; `options`
 * say what weights without a config do not.
 */
export async function readDescription(
  place: string,
  options: DescribeOptions = {},
): Promise<ModelFacts> {
  const { own, openClip } = await readConfigs(place);
  if (own !== undefined && parseTowerConfig(own) !== undefined) {
    const { model_type: type } = own as Readonly<Record<string, unknown>>;
    throw onlyTower(place, typeof type === "string" ? type : "torchvision");
  }
  if (own === undefined && openClip !== undefined) {
    return parseOpenClip(join(place, modelFiles.openClipConfig), options);
  }
  const config = own === undefined ? await inferFromWeights(place, options) : parseClipConfig(own);
  const folder = preprocessorsIn(place, options);
  // Weights without transformers' config are OpenAI's, open_clip's or like theirs.
  const usual = own === undefined ? torchvisionPreprocess(usualPreprocess(config)) : undefined;
  return { config, preprocess: await findPreprocess(folder, config, usual) };
}
