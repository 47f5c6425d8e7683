import { clipSpec, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { loadParams } from "@clip-ts/weights";
import { withWeights } from "./weights-file.ts";

/** The two towers, by the start of their names in the parameter tree. */
export type TowerSide = "vision" | "text";

/**
 * Loads one tower of a model that is put together from several: `model` is a whole CLIP of which the
 * tower is taken, or a tower alone, such as torchvision's ViT or RoBERTa under their own names. Needs a
 * running engine; the caller owns the parameters.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export async function loadTower<Side extends TowerSide>(
  model: string,
  config: ClipConfig,
  side: Side,
): Promise<ClipParams[`${Side}_model`]> {
  const prefix = `${side}_model` as const;
  const spec = clipSpec(config)[prefix];
  const params = await withWeights(model, (file) =>
    loadParams(spec, file, { prefix: `${prefix}.` }),
  );
  return params as unknown as ClipParams[`${Side}_model`];
}
