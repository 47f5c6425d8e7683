import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HostArrays } from "@clip-ts/core";
import type { PreprocessConfig } from "@clip-ts/image";
import { inferTowerConfig, parseTowerConfig, preset, type TowerConfig } from "@clip-ts/model";
import { projectionSpec } from "@clip-ts/projection";
import { textSpec, type TextParams } from "@clip-ts/text-encoder";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { visionSpec, type VisionParams } from "@clip-ts/vision-encoder";
import {
  convertLayout,
  loadHostArrays,
  loadParams,
  type LoadOptions,
  type TensorFile,
} from "@clip-ts/weights";
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

/** Where the head of a tower alone stands, as in transformers' `CLIPTextModelWithProjection`. */
const heads = { vision: "visual_projection", text: "text_projection" } as const;

/** The side whose tower, with or without its head, is all that a file of clip-ts's names holds. */
function sideOf(file: TensorFile): "vision_model" | "text_model" | undefined {
  const parts = new Set(file.names.map((name) => name.slice(0, name.indexOf("."))));
  const side = (["vision", "text"] as const).find((name) => parts.has(`${name}_model`));
  const others = [...parts].filter((part) => side === undefined || part !== heads[side]);
  return side !== undefined && others.length === 1 ? `${side}_model` : undefined;
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

/** Opens the weights of a tower alone for as long as `use` runs. */
function withWeightsAlone<Result>(
  model: string,
  tower: TowerConfig,
  use: (spec: object, file: TensorFile, options: LoadOptions) => Promise<Result>,
): Promise<Result> {
  const spec = tower.side === "vision" ? visionSpec(tower.config) : textSpec(tower.config);
  return withWeights(model, (file) => use(spec, file, { prefix: `${tower.side}_model.` }));
}

/**
 * Reads the parameters of a tower alone, by path within it; no engine has to run.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export function loadHostTowerAlone(model: string, tower: TowerConfig): Promise<HostArrays> {
  return withWeightsAlone(model, tower, loadHostArrays);
}

/** The parameters of a tower by its side. */
type TowerParams<Tower extends TowerConfig> = Tower extends { readonly side: "vision" }
  ? VisionParams
  : TextParams;

/** The same on the running engine, one after the other, as a tree of tensors that the caller owns. */
export function loadTowerAlone<Tower extends TowerConfig>(
  model: string,
  tower: Tower,
): Promise<TowerParams<Tower>> {
  return withWeightsAlone(model, tower, loadParams) as Promise<TowerParams<Tower>>;
}

/**
 * Reads the head behind a tower alone: weight [joint, dim], and a bias where the file has one. Undefined for
 * a tower without; no engine has to run.
 * @throws ClipError "bad-weights" for a head of another form.
 */
export function loadHeadAlone(
  model: string,
  { side }: TowerConfig,
): Promise<HostArrays | undefined> {
  return withWeights(model, (original) => {
    const file = convertLayout(original, "huggingface");
    const weight = `${heads[side]}.weight`;
    if (!file.names.includes(weight)) return Promise.resolve(undefined);
    const [joint = 0, dim = 0] = file.describe(weight).shape;
    const kind = file.names.includes(`${heads[side]}.bias`) ? "affine" : "linear";
    const options = { prefix: `${heads[side]}.` };
    return loadHostArrays(projectionSpec(dim, joint, kind), file, options);
  });
}
