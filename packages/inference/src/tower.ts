import { modelFiles, sidesOf } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { Preprocessing } from "@clip-ts/image";
import {
  clipSpec,
  inferTowerConfig,
  parseTowerConfig,
  preset,
  type ClipConfig,
  type ClipParams,
  type TowerConfig,
} from "@clip-ts/model";
import { projectionSpec } from "@clip-ts/projection";
import { textSpec, type TextParams } from "@clip-ts/text-encoder";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { visionSpec, type VisionParams } from "@clip-ts/vision-encoder";
import { convertLayout, loadHostArrays, loadParams, type LoadOptions, type TensorFile } from "@clip-ts/weights";
import { inferFromShapes } from "./from-weights.ts";
import {
  closing,
  lazyWeights,
  missingFile,
  readJsonIn,
  rememberTexts,
  type LazyWeights,
  type ModelFiles,
} from "./model-files.ts";
import { positionTableOf, withResizedPositions } from "./positions.ts";
import { readPreprocessor, type ConfigFile, type DescribeOptions } from "./read-description.ts";
import { readTokenizer } from "./read-tokenizer.ts";

/** One tower by itself, and what lies beside its weights. */
export interface TowerDescription {
  readonly tower: TowerConfig;
  /** Only where a vision tower's folder says it. */
  readonly preprocess?: Preprocessing;
  /** Only where a text tower's folder has one. */
  readonly tokenizer?: Tokenizer;
}

/**
 * A tower that is stored alone, and its weights, under the names of any layout. Nothing of it is open until its
 * weights are asked for; whoever asks for them, or gives the tower to what does, closes it.
 */
export interface StoredTower extends TowerDescription, LazyWeights {
  /** What the caller calls it. */
  readonly name: string;
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

/** A config of any name. @throws ClipError if it is not there. */
async function readConfigJson({ files, name }: ConfigFile): Promise<unknown> {
  const json = await readJsonIn(files, name);
  if (json === undefined) throw missingFile(files.pathOf(name), "read");
  return json;
}

/** The config of a tower, from the folder's file or from the shapes; undefined for a whole model. */
async function readTowerConfig(
  files: ModelFiles,
  original: TensorFile,
  options: DescribeOptions,
): Promise<TowerConfig | undefined> {
  const file = convertLayout(original, "huggingface");
  const side = sideOf(file);
  if (side === undefined) return undefined;
  const own = await readJsonIn(files, modelFiles.config);
  const json = own ?? (options.config && (await readConfigJson(options.config)));
  if (json === undefined && options.preset !== undefined) return towerOfPreset(options.preset, side);
  if (json === undefined) {
    return inferFromShapes(files.place, original, options, inferTowerConfig);
  }
  const tower = parseTowerConfig(json);
  if (tower === undefined || `${tower.side}_model` !== side) return undefined;
  return withPooler(tower, file);
}

/**
 * Opens one tower that stands alone: torchvision's vision transformer, CLIP's two or RoBERTa. Its weights are
 * looked at, but not left open; `options` say what weights without a config do not.
 * @returns undefined for a whole model.
 */
export async function openTowerIn(files: ModelFiles, options: DescribeOptions = {}): Promise<StoredTower | undefined> {
  const remembered = rememberTexts(files);
  const lazy = lazyWeights(files);
  const tower = await closing(lazy, async ({ weights }) => readTowerConfig(remembered, await weights(), options));
  if (tower === undefined) return undefined;
  const stored = { name: files.name, tower, ...lazy };
  if (tower.side === "text") {
    return { ...stored, ...(await readTokenizer(remembered, { text: tower.config })) };
  }
  const preprocess = await readPreprocessor(remembered);
  return { ...stored, ...(preprocess !== undefined && { preprocess }) };
}

/** Of a stored tower what loading takes. */
type Weighted<Tower extends TowerConfig = TowerConfig> = Pick<LazyWeights, "weights"> & {
  readonly tower: Tower;
};

/** What loads the weights of a tower alone, and what it is given. */
function loadAlone<Result>(
  { tower, weights }: Weighted,
  load: (spec: object, file: TensorFile, options: LoadOptions) => Promise<Result>,
): Promise<Result> {
  const spec = tower.side === "vision" ? visionSpec(tower.config) : textSpec(tower.config);
  return weights().then((file) => load(spec, file, { prefix: `${tower.side}_model.` }));
}

/**
 * Reads the parameters of a tower alone, by path within it; no engine has to run. Leaves the tower open.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export function loadHostTowerAlone(stored: Weighted): Promise<HostArrays> {
  return loadAlone(stored, loadHostArrays);
}

/** The parameters of a tower by its side. */
type TowerParams<Tower extends TowerConfig> = Tower extends { readonly side: "vision" } ? VisionParams : TextParams;

/** The same on the running engine, one after the other, as a tree of tensors that the caller owns. */
export function loadTowerAlone<Tower extends TowerConfig>(stored: Weighted<Tower>): Promise<TowerParams<Tower>> {
  return loadAlone(stored, loadParams) as Promise<TowerParams<Tower>>;
}

/**
 * Reads the head behind a tower alone: weight [joint, dim], and a bias where the file has one. Undefined for
 * a tower without; no engine has to run. Leaves the tower open.
 * @throws ClipError "bad-weights" for a head of another shape.
 */
export async function loadHeadAlone({ tower: { side }, weights }: Weighted): Promise<HostArrays | undefined> {
  const file = convertLayout(await weights(), "huggingface");
  const weight = `${heads[side]}.weight`;
  if (!file.names.includes(weight)) return undefined;
  const [joint = 0, dim = 0] = file.describe(weight).shape;
  const kind = file.names.includes(`${heads[side]}.bias`) ? "affine" : "linear";
  return loadHostArrays(projectionSpec(dim, joint, kind), file, { prefix: `${heads[side]}.` });
}

/** The two towers, by the start of their names in the parameter tree. */
export type TowerSide = "vision" | "text";

/** The file with its positions interpolated, if they are those of another image size. */
function atImageSize(original: TensorFile, { vision }: ClipConfig): TensorFile {
  const file = convertLayout(original, "huggingface");
  const table = positionTableOf(vision);
  if (table === undefined || !file.names.includes(table.name)) return file;
  const { name, grid, leading } = table;
  const [rows = 0] = file.describe(name).shape;
  const { height, width } = sidesOf(grid);
  if (rows - leading === height * width) return file;
  const fromGrid = Math.sqrt(rows - leading);
  return Number.isInteger(fromGrid) ? withResizedPositions(file, name, { fromGrid, toGrid: grid }) : file;
}

/** Loads a tower as the config of a whole model wants it. */
function loadSide<Result>(
  file: TensorFile,
  config: ClipConfig,
  side: TowerSide,
  load: (spec: object, file: TensorFile, options: LoadOptions) => Promise<Result>,
): Promise<Result> {
  const prefix = `${side}_model` as const;
  const fitting = side === "vision" ? atImageSize(file, config) : file;
  return load(clipSpec(config)[prefix], fitting, { prefix: `${prefix}.` });
}

/**
 * Reads one tower of a model that is put together from several, by path in the whole model: `file` holds a
 * whole CLIP of which the tower is taken, or a tower alone, such as torchvision's ViT or RoBERTa under
 * their own names. Positions of a vision tower for other images are interpolated, which needs a running
 * engine; nothing else does.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export async function loadHostTower(file: TensorFile, config: ClipConfig, side: TowerSide): Promise<HostArrays> {
  const arrays = Object.entries(await loadSide(file, config, side, loadHostArrays));
  return Object.fromEntries(arrays.map(([path, array]) => [`${side}_model.${path}`, array]));
}

/** The tower alone, on the running engine: a tree of tensors that the caller owns. Otherwise the same. */
export function loadTower<Side extends TowerSide>(
  file: TensorFile,
  config: ClipConfig,
  side: Side,
): Promise<ClipParams[`${Side}_model`]> {
  return loadSide(file, config, side, loadParams) as Promise<ClipParams[`${Side}_model`]>;
}
