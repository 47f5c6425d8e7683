import { ClipError } from "@clip-ts/base";
import { startEngine } from "@clip-ts/engines";
import { atResolution, closing, type Model, type StoredTower } from "@clip-ts/inference";
import { clipSpec } from "@clip-ts/model";
import { openModel } from "@clip-ts/node";
import { checkFit } from "@clip-ts/weights";
import { onNotice } from "../../cli/notice.ts";
import { checkActivation, withActivation } from "./activation-said.ts";
import type { ModelChanges } from "./convert-options.ts";
import { interpolatedWeights } from "./interpolated-weights.ts";
import { checkSameArchitecture } from "./same-architecture.ts";

/** The model with the weights between it and another, if one is asked for, for as long as `use` runs. */
async function withOther<Result>(
  model: Model,
  { other }: ModelChanges,
  use: (model: Model) => Promise<Result>,
): Promise<Result> {
  if (other === undefined) return use(model);
  const { name, config, weights } = model;
  const found = await openModel(other.model, { like: config, onNotice });
  checkSameArchitecture({ name, config }, { name: other.model, config: found.config });
  return closing(found, async () => {
    const file = await found.weights();
    checkFit(clipSpec(found.config), file);
    const mixed = async (): ReturnType<typeof weights> =>
      interpolatedWeights(await weights(), file, other.alpha);
    return use({ ...model, weights: mixed });
  });
}

/** The model with its positions for another image size, if one is asked for. */
async function resized(model: Model, { imageSize }: ModelChanges): Promise<Model> {
  if (imageSize === undefined) return model;
  await startEngine("cpu"); // positions are computed, between grids
  return atResolution(model, imageSize);
}

/**
 * Refuses changes that one tower alone does not take.
 * @throws ClipError "bad-argument".
 */
export function checkTowerChanges({ name, tower }: StoredTower, changes: ModelChanges): void {
  const { config } = tower;
  if (changes.other !== undefined || changes.imageSize !== undefined) {
    throw new ClipError(
      "bad-argument",
      `${name} holds one tower alone, and --interpolate and --image-size change whole models only.`,
      { data: { model: name } },
    );
  }
  const found = "activation" in config ? config.activation : undefined;
  checkActivation({ [tower.side]: found }, name, changes.inferred);
}

/** Opens a model with changes, each tensor changed when it is read, for as long as `use` runs. */
export async function withChangedModel<Result>(
  name: string,
  changes: ModelChanges,
  use: (model: Model) => Promise<Result>,
): Promise<Result> {
  const found = await openModel(name, { ...changes.inferred, onNotice });
  const model = { ...found, config: withActivation(found.config, name, changes.inferred) };
  return closing(model, async () => {
    checkFit(clipSpec(model.config), await model.weights());
    return withOther(model, changes, async (mixed) => use(await resized(mixed, changes)));
  });
}
