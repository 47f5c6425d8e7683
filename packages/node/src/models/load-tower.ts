import { clipSpec, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { convertLayout, loadParams, type TensorFile } from "@clip-ts/weights";
import { positionTableOf, withResizedPositions } from "./position-table.ts";
import { withWeights } from "./weights-file.ts";

/** The two towers, by the start of their names in the parameter tree. */
export type TowerSide = "vision" | "text";

/** The file with its positions interpolated, if they are those of another image size. */
function atImageSize(original: TensorFile, { vision }: ClipConfig): TensorFile {
  const file = convertLayout(original, "huggingface");
  const { name, grid, leading } = positionTableOf(vision);
  if (!file.names.includes(name)) return file;
  const [rows = 0] = file.describe(name).shape;
  const fromGrid = Math.sqrt(rows - leading);
  return Number.isInteger(fromGrid)
    ? withResizedPositions(file, name, { fromGrid, toGrid: grid })
    : file;
}

/**
 * Loads one tower of a model that is put together from several: `model` is a whole CLIP of which the
 * tower is taken, or a tower alone, such as torchvision's ViT or RoBERTa under their own names. Positions
 * of a vision tower for other images are interpolated. Needs a running engine; the caller owns the
 * parameters.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export async function loadTower<Side extends TowerSide>(
  model: string,
  config: ClipConfig,
  side: Side,
): Promise<ClipParams[`${Side}_model`]> {
  const prefix = `${side}_model` as const;
  const spec = clipSpec(config)[prefix];
  const params = await withWeights(model, (file) => {
    const fitting = side === "vision" ? atImageSize(file, config) : file;
    return loadParams(spec, fitting, { prefix: `${prefix}.` });
  });
  return params as unknown as ClipParams[`${Side}_model`];
}
