import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  clipPreprocess,
  parsePreprocessorConfig,
  siglipPreprocess,
  type PreprocessConfig,
} from "@clip-ts/image";
import {
  inferClipConfig,
  parseClipConfig,
  parseOpenClipConfig,
  type ClipConfig,
  type InferOptions,
} from "@clip-ts/model";
import { convertLayout, detectLayout } from "@clip-ts/weights";
import { readJson } from "../files.ts";
import { isOpenaiArchive } from "./check-origin.ts";
import { isFile, modelFiles } from "./model-files.ts";
import { parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
import { onlyTower, shapesOf, withWeights } from "./weights-file.ts";

/** Config and preprocessing of a model. */
export interface ModelFacts {
  readonly config: ClipConfig;
  readonly preprocess: PreprocessConfig;
}

/** What a model of this kind was most likely trained with, where no file says it. */
function usualPreprocess({ vision, loss }: ClipConfig): PreprocessConfig {
  const isSiglip =
    loss?.kind === "sigmoid" && vision.kind !== "resnet" && vision.pooling === "attention";
  return (isSiglip ? siglipPreprocess : clipPreprocess)(vision.imageSize);
}

const openaiStyle = { activation: "quick_gelu" } as const;

/** The config of weights that come without one, from their shapes; OpenAI's own use QuickGELU. */
function inferFromWeights(place: string, options: InferOptions): Promise<ClipConfig> {
  return withWeights(place, (file) => {
    const layout = detectLayout(file.names);
    if (layout === "torchvision" || layout === "roberta") throw onlyTower(place, layout);
    const shapes = shapesOf(convertLayout(file, "huggingface"));
    const config = inferClipConfig(shapes, isOpenaiArchive(file) ? openaiStyle : options);
    return Promise.resolve(config);
  });
}

async function readOpenClip(path: string): Promise<ModelFacts> {
  const json = await readJson(path);
  const config = parseOpenClipConfig(json);
  const { preprocess_cfg: preprocess } = json as Readonly<Record<string, unknown>>;
  return { config, preprocess: parseOpenClipPreprocess(preprocess, config.vision.imageSize) };
}

/** Model types whose `config.json` is understood; open_clip's repositories may hold another for timm. */
const knownTypes: ReadonlySet<unknown> = new Set([
  "clip",
  "siglip",
  "vision-text-dual-encoder",
  "clip-ts",
]);

/** Model types of a text tower by itself. */
const towerTypes: ReadonlySet<string> = new Set(["roberta", "xlm-roberta"]);

/** The content of `config.json`, unless it is another library's and open_clip's stands beside it. */
async function readOwnConfig(path: string, hasOpenClip: boolean): Promise<unknown> {
  const json = await readJson(path);
  const { model_type: type } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof type === "string" && towerTypes.has(type)) throw onlyTower(dirname(path), type);
  return hasOpenClip && !knownTypes.has(type) ? undefined : json;
}

/**
 * Reads config and preprocessing from wherever a model keeps them. `place` is a file or a folder; `options`
 * say what weights without a config do not.
 */
export async function readDescription(
  place: string,
  options: InferOptions = {},
): Promise<ModelFacts> {
  const at = (name: string): string => join(place, name);
  const hasFile = (name: string): boolean => !isFile(place) && existsSync(at(name));
  const hasOpenClip = hasFile(modelFiles.openClipConfig);
  const json = hasFile(modelFiles.config)
    ? await readOwnConfig(at(modelFiles.config), hasOpenClip)
    : undefined;
  if (json === undefined && hasOpenClip) return readOpenClip(at(modelFiles.openClipConfig));
  const config =
    json === undefined ? await inferFromWeights(place, options) : parseClipConfig(json);
  const preprocess = hasFile(modelFiles.preprocessor)
    ? parsePreprocessorConfig(await readJson(at(modelFiles.preprocessor)))
    : usualPreprocess(config);
  return { config, preprocess };
}
