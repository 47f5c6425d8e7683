import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { parsePreprocessorConfig, type PreprocessConfig } from "@clip-ts/image";
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
import { isOpenaiArchive } from "./check-origin.ts";
import { sayingActivation } from "./missing-activation.ts";
import { isFile, modelFiles } from "./model-files.ts";
import { readConfigs } from "./read-configs.ts";
import { parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
import { usualPreprocess } from "./usual-preprocess.ts";
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

/**
 * Reads config and preprocessing from wherever a model keeps them. `place` is a file or a folder; `options`
 * say what weights without a config do not.
 */
export async function readDescription(
  place: string,
  options: InferOptions = {},
): Promise<ModelFacts> {
  const { own, openClip } = await readConfigs(place);
  if (own !== undefined && parseTowerConfig(own) !== undefined) {
    const { model_type: type } = own as Readonly<Record<string, unknown>>;
    throw onlyTower(place, typeof type === "string" ? type : "torchvision");
  }
  if (own === undefined && openClip !== undefined) return parseOpenClip(openClip);
  const config = own === undefined ? await inferFromWeights(place, options) : parseClipConfig(own);
  const preprocess = isFile(place) ? undefined : await readPreprocessor(place);
  return { config, preprocess: preprocess ?? usualPreprocess(config) };
}
