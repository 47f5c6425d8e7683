import { ClipError } from "@clip-ts/base";
import { clipSpec, type ClipConfig, type InferOptions } from "@clip-ts/model";
import {
  atResolution,
  checkOrigin,
  describeModel,
  startEngine,
  withWeights,
  type OpenedModel,
  type TowerDescription,
} from "@clip-ts/node";
import { isResNet } from "@clip-ts/vision-encoder";
import { checkFit } from "@clip-ts/weights";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { imageSizeOf } from "./image-size.ts";
import { interpolatedWeights } from "./interpolated-weights.ts";
import type { OpenedTower } from "./write-tower.ts";
import { checkSameArchitecture } from "./same-architecture.ts";

/** What `convert` changes of a model on its way, whatever it writes. */
export interface ModelChanges {
  /** What the weights do not say, where they come without a config. */
  readonly inferred: InferOptions;
  /** The model towards which weights are interpolated, and how far. */
  readonly other: { readonly model: string; readonly alpha: number } | undefined;
  /** Pixels of a side. */
  readonly imageSize: number | undefined;
}

/** `--alpha` from 0 to 1; half way if it is not given. */
function alphaOf(args: Arguments): number {
  const text = args.text("alpha") ?? "0.5";
  const alpha = Number(text);
  if (text.trim() !== "" && alpha >= 0 && alpha <= 1) return alpha;
  throw new UsageError(`--alpha ${text}: expected a number from 0 to 1.`);
}

/** `--activation`, for weights that come without a config. */
function activationOf(args: Arguments): InferOptions {
  const activation = args.text("activation");
  if (activation === undefined) return {};
  if (activation === "gelu" || activation === "quick_gelu") return { activation };
  throw new UsageError(`--activation ${activation}: expected gelu or quick_gelu.`);
}

/** `--image-size`, or `--resolution`, which is the same. */
function askedSize(args: Arguments): number | undefined {
  const [size, resolution] = [imageSizeOf(args), countOption(args, "resolution")];
  if (size !== undefined && resolution !== undefined && size !== resolution) {
    throw new UsageError("--image-size and --resolution are the same: give one of them.");
  }
  return size ?? resolution;
}

/** Reads the options that change a model. @throws UsageError for values that make no sense. */
export function readChanges(args: Arguments): ModelChanges {
  const alpha = alphaOf(args);
  const other = args.text("interpolate");
  if (other === undefined && args.text("alpha") !== undefined) {
    throw new UsageError("--alpha goes with --interpolate.");
  }
  return {
    inferred: activationOf(args),
    other: other === undefined ? undefined : { model: other, alpha },
    imageSize: askedSize(args),
  };
}

/** What the model computes with, as far as `--activation` can say it. */
function activationIn({ vision, text }: ClipConfig): string {
  return isResNet(vision) || vision.pooling === "attention" ? text.activation : vision.activation;
}

/** @throws ClipError if `--activation` contradicts what the model says itself. */
function checkActivation(found: string, model: string, { activation }: InferOptions): void {
  if (activation === undefined || found === activation) return;
  throw new ClipError(
    "bad-argument",
    `--activation ${activation} is for weights that come without a config, and ${model} itself says ` +
      `${found}: leave the option out, or correct the config.`,
    { data: { model, activation, found } },
  );
}

/** The model with the weights between it and another, if one is asked for. */
async function withOther<Result>(
  opened: OpenedModel,
  model: string,
  { other, inferred }: ModelChanges,
  use: (opened: OpenedModel) => Promise<Result>,
): Promise<Result> {
  if (other === undefined) return use(opened);
  const { config } = opened.description;
  const known = { activation: "activation" in config.vision ? config.vision.activation : "gelu" };
  const found = await describeModel(other.model, { ...known, ...inferred });
  checkSameArchitecture({ name: model, config }, { name: other.model, config: found.config });
  await startEngine("cpu");
  return withWeights(other.model, (file) => {
    checkOrigin(found.config, other.model, file);
    checkFit(clipSpec(found.config), file);
    return use({ ...opened, file: interpolatedWeights(opened.file, file, other.alpha) });
  });
}

/** The model with its positions for another image size, if one is asked for. */
async function resized(opened: OpenedModel, { imageSize }: ModelChanges): Promise<OpenedModel> {
  if (imageSize === undefined) return opened;
  await startEngine("cpu");
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
  const found = "activation" in config ? config.activation : "none";
  checkActivation(found, model, changes.inferred);
  return withWeights(model, (file) => use({ ...description, file }));
}

/** Opens a model with changes, each tensor changed when it is read, for as long as `use` runs. */
export async function withChangedModel<Result>(
  model: string,
  changes: ModelChanges,
  use: (opened: OpenedModel) => Promise<Result>,
): Promise<Result> {
  const description = await describeModel(model, changes.inferred);
  checkActivation(activationIn(description.config), model, changes.inferred);
  return withWeights(model, (file) => {
    checkOrigin(description.config, model, file);
    checkFit(clipSpec(description.config), file);
    return withOther({ description, file }, model, changes, async (mixed) =>
      use(await resized(mixed, changes)),
    );
  });
}
