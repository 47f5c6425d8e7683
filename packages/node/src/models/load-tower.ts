import type { HostArrays } from "@clip-ts/core";
import { clipSpec, type ClipConfig, type ClipParams } from "@clip-ts/model";
import {
  convertLayout,
  loadHostArrays,
  loadParams,
  type LoadOptions,
  type TensorFile,
} from "@clip-ts/weights";
import { positionTableOf, withResizedPositions } from "./position-table.ts";
import { withWeights } from "./weights-file.ts";

/** The two towers, by the start of their names in the parameter tree. */
export type TowerSide = "vision" | "text";

/** The file with its positions interpolated, if they are those of another image size. */
function atImageSize(original: TensorFile, { vision }: ClipConfig): TensorFile {
  const file = convertLayout(original, "huggingface");
  const table = positionTableOf(vision);
  if (table === undefined || !file.names.includes(table.name)) return file;
  const { name, grid, leading } = table;
  const [rows = 0] = file.describe(name).shape;
  const fromGrid = Math.sqrt(rows - leading);
  return Number.isInteger(fromGrid)
    ? withResizedPositions(file, name, { fromGrid, toGrid: grid })
    : file;
}

/** Opens the weights of a tower as its config wants them for as long as `use` runs. */
function withTowerWeights<Result>(
  model: string,
  config: ClipConfig,
  side: TowerSide,
  use: (spec: object, file: TensorFile, options: LoadOptions) => Promise<Result>,
): Promise<Result> {
  const prefix = `${side}_model` as const;
  return withWeights(model, (file) => {
    const fitting = side === "vision" ? atImageSize(file, config) : file;
    return use(clipSpec(config)[prefix], fitting, { prefix: `${prefix}.` });
  });
}

/**
 * Reads one tower of a model that is put together from several, by path in the whole model: `model` is a
 * whole CLIP of which the tower is taken, or a tower alone, such as torchvision's ViT or RoBERTa under
 * their own names. Positions of a vision tower for other images are interpolated, which needs a running
 * engine; nothing else does.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export async function loadHostTower(
  model: string,
  config: ClipConfig,
  side: TowerSide,
): Promise<HostArrays> {
  const arrays = Object.entries(await withTowerWeights(model, config, side, loadHostArrays));
  return Object.fromEntries(arrays.map(([path, array]) => [`${side}_model.${path}`, array]));
}

/** The tower alone, on the running engine: a tree of tensors that the caller owns. Otherwise the same. */
export function loadTower<Side extends TowerSide>(
  model: string,
  config: ClipConfig,
  side: Side,
): Promise<ClipParams[`${Side}_model`]> {
  return withTowerWeights(model, config, side, loadParams) as Promise<ClipParams[`${Side}_model`]>;
}
