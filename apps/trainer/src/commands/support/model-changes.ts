import { ClipError } from "@clip-ts/base";
import { clipSpec } from "@clip-ts/model";
import {
  atResolution,
  checkOrigin,
  checkStoredPositions,
  describeModel,
  startEngine,
  withWeights,
  type OpenedModel,
  type TowerDescription,
} from "@clip-ts/node";
import { checkFit } from "@clip-ts/weights";
import { onNotice } from "../../cli/notice.ts";
import { checkActivation, withActivation } from "./activation-said.ts";
import type { ModelChanges } from "./convert-options.ts";
import { interpolatedWeights } from "./interpolated-weights.ts";
import type { OpenedTower } from "./write-tower.ts";
import { checkSameArchitecture } from "./same-architecture.ts";

/** The model with the weights between it and another, if one is asked for. */
async function withOther<Result>(
  opened: OpenedModel,
  model: string,
  { other }: ModelChanges,
  use: (opened: OpenedModel) => Promise<Result>,
): Promise<Result> {
  if (other === undefined) return use(opened);
  const { config } = opened.description;
  const found = await describeModel(other.model, { like: config, onNotice });
  checkSameArchitecture({ name: model, config }, { name: other.model, config: found.config });
  return withWeights(other.model, (file) => {
    checkOrigin(found.config, other.model, file);
    checkFit(clipSpec(found.config), file);
    return use({ ...opened, file: interpolatedWeights(opened.file, file, other.alpha) });
  });
}

/** The model with its positions for another image size, if one is asked for. */
async function resized(opened: OpenedModel, { imageSize }: ModelChanges): Promise<OpenedModel> {
  if (imageSize === undefined) return opened;
  await startEngine("cpu"); // positions are computed, between grids
  const { facts, file } = atResolution(opened.description, opened.file, imageSize);
  return { description: { ...opened.description, ...facts }, file };
}

/**
 * Opens one tower that stands alone for as long as `use` runs.
 * @throws ClipError "bad-argument" for changes that only whole models take.
 */
export async function withTower<Result>(
  model: string,
  description: TowerDescription,
  changes: ModelChanges,
  use: (opened: OpenedTower) => Promise<Result>,
): Promise<Result> {
  const { config } = description.tower;
  if (changes.other !== undefined || changes.imageSize !== undefined) {
    throw new ClipError(
      "bad-argument",
      `${model} holds one tower alone, and --interpolate and --image-size change whole models only.`,
      { data: { model } },
    );
  }
  const found = "activation" in config ? config.activation : undefined;
  checkActivation({ [description.tower.side]: found }, model, changes.inferred);
  return withWeights(model, (file) => use({ ...description, file }));
}

/** Opens a model with changes, each tensor changed when it is read, for as long as `use` runs. */
export async function withChangedModel<Result>(
  model: string,
  changes: ModelChanges,
  use: (opened: OpenedModel) => Promise<Result>,
): Promise<Result> {
  const found = await describeModel(model, { ...changes.inferred, onNotice });
  const config = withActivation(found.config, model, changes.inferred);
  const description = { ...found, config };
  return withWeights(model, async (file) => {
    checkOrigin(description.config, model, file);
    await checkStoredPositions(description.config, file);
    checkFit(clipSpec(description.config), file);
    return withOther({ description, file }, model, changes, async (mixed) =>
      use(await resized(mixed, changes)),
    );
  });
}
