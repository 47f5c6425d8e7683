import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PreprocessConfig } from "@clip-ts/image";
import { inferTowerConfig, parseTowerConfig, preset, type TowerConfig } from "@clip-ts/model";
import { textSpec, type TextParams } from "@clip-ts/text-encoder";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { visionSpec, type VisionParams } from "@clip-ts/vision-encoder";
import { convertLayout, loadParams, type TensorFile } from "@clip-ts/weights";
import { readJson } from "../files.ts";
import { resolveModel } from "./locate-model.ts";
import { inferFromShapes } from "./infer-from-weights.ts";
import { isFile, modelFiles } from "./model-files.ts";
import { readPreprocessor, type DescribeOptions } from "./read-description.ts";
import { readTokenizer } from "./read-tokenizer.ts";
import { withWeights } from "./weights-file.ts";

/** One tower by itself, and what lies beside its weights. */
export interface TowerDescription {
  readonly tower: TowerConfig;
  /** Only where a vision tower's folder says it. */
  readonly preprocess?: PreprocessConfig;
  /** Only where a text tower's folder has one. */
  readonly tokenizer?: Tokenizer;
}

/** RoBERTa's pooler is in the weights or it is not: no key of the config says so. */
function withPooler(tower: TowerConfig, file: TensorFile): TowerConfig {
  const hasPooler = file.names.includes("text_model.pooler.dense.weight");
  if (tower.side === "vision" || tower.config.kind !== "roberta" || !hasPooler) return tower;
  return { ...tower, config: { ...tower.config, pooling: "pooler" } };
}

/** What transformers' `...WithProjection` classes keep beside a tower, which is read without it. */
const heads: ReadonlySet<string> = new Set(["text_projection", "visual_projection"]);

/** Which tower a file holds; undefined for both or none. */
function sideOf({ names }: TensorFile): "vision_model" | "text_model" | undefined {
  const parts = names.map((name) => name.slice(0, name.indexOf(".")));
  const [side, ...others] = new Set(parts.filter((part) => !heads.has(part)));
  const isTower = side === "vision_model" || side === "text_model";
  return isTower && others.length === 0 ? side : undefined;
}

/** One tower of a preset; undefined for a text tower that does not stand alone. */
function towerOfPreset(name: string, side: "vision_model" | "text_model"): TowerConfig | undefined {
  const { vision, text } = preset(name);
  if (side === "vision_model") return { side: "vision", config: vision };
  return text.kind === "roberta" ? { side: "text", config: text } : undefined;
}

/** The config of a tower, from the folder's file or from the shapes; undefined for a whole model. */
async function readTowerConfig(
  place: string,
  original: TensorFile,
  options: DescribeOptions,
): Promise<TowerConfig | undefined> {
  const file = convertLayout(original, "huggingface");
  const side = sideOf(file);
  if (side === undefined) return undefined;
  const own = join(place, modelFiles.config);
  const path = isFile(place) || !existsSync(own) ? options.configFile : own;
  if (path === undefined && options.preset !== undefined)
    return towerOfPreset(options.preset, side);
  if (path === undefined) {
    return inferFromShapes(place, original, options, inferTowerConfig);
  }
  const tower = parseTowerConfig(await readJson(path));
  if (tower === undefined || `${tower.side}_model` !== side) return undefined;
  return withPooler(tower, file);
}

/**
 * Reads one tower that stands alone: torchvision's vision transformer, CLIP's two or RoBERTa, as a folder, a
 * file of weights or `hf:owner/name`. `options` say what weights without a config do not.
 * @returns undefined for a whole model.
 */
export async function describeTower(
  model: string,
  options: DescribeOptions = {},
): Promise<TowerDescription | undefined> {
  const place = await resolveModel(model);
  const tower = await withWeights(model, (file) => readTowerConfig(place, file, options));
  if (tower === undefined) return undefined;
  if (tower.side === "text")
    return { tower, ...(await readTokenizer(place, { text: tower.config })) };
  const preprocess = isFile(place) ? undefined : await readPreprocessor(place);
  return { tower, ...(preprocess !== undefined && { preprocess }) };
}

/** The parameters of a tower by its side. */
type TowerParams<Tower extends TowerConfig> = Tower extends { readonly side: "vision" }
  ? VisionParams
  : TextParams;

/**
 * Loads the parameters of a tower alone onto the running engine. The caller owns them.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export async function loadTowerAlone<Tower extends TowerConfig>(
  model: string,
  tower: Tower,
): Promise<TowerParams<Tower>> {
  const spec = tower.side === "vision" ? visionSpec(tower.config) : textSpec(tower.config);
  const options = { prefix: `${tower.side}_model.` };
  const params = await withWeights(model, (file) => loadParams(spec as object, file, options));
  return params as TowerParams<Tower>;
}
