import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import { clipSpec, type PerTower } from "@clip-ts/model";
import {
  atResolution,
  checkOrigin,
  checkStoredPositions,
  describeModel,
  startEngine,
  withWeights,
  type DescribeOptions,
  type OpenedModel,
  type TowerDescription,
} from "@clip-ts/node";
import { checkFit } from "@clip-ts/weights";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { imageSizeOf } from "./image-size.ts";
import { checkActivation, withActivation } from "./activation-said.ts";
import { interpolatedWeights } from "./interpolated-weights.ts";
import type { OpenedTower } from "./write-tower.ts";
import { checkSameArchitecture } from "./same-architecture.ts";

/** What `convert` changes of a model on its way, whatever it writes. */
export interface ModelChanges {
  /** What the weights do not say, where they come without a config. */
  readonly inferred: DescribeOptions;
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

const activations = ["gelu", "quick_gelu", "gelu_pytorch_tanh"] as const;

/** The value of an option for both towers: one for both, or `VISION,TEXT`. */
function perTower<Value>(
  text: string,
  read: (part: string) => Value | undefined,
  refuse: () => never,
): PerTower<Value> {
  const parts = text.split(",");
  if (parts.length > 2) return refuse();
  const [vision, textual] = parts.map((part) => read(part.trim()) ?? refuse());
  return { vision, text: parts.length === 1 ? vision : textual };
}

/** `--activation`, for weights that come without a config. */
function activationOf(args: Arguments): DescribeOptions {
  const given = args.text("activation");
  if (given === undefined) return {};
  const find = (part: string): Activation | undefined => activations.find((name) => name === part);
  const refuse = (): never => {
    const known = activations.join(", ");
    throw new UsageError(
      `--activation ${given}: expected one of ${known}, or two for VISION,TEXT.`,
    );
  };
  return { activation: perTower(given, find, refuse) };
}

/** `--heads VISION[,TEXT]`, for weights that come without a config. */
function headsOf(args: Arguments): DescribeOptions {
  const given = args.text("heads");
  if (given === undefined) return {};
  const count = (part: string): number | undefined =>
    /^[1-9]\d{0,4}$/u.test(part) ? Number(part) : undefined;
  const refuse = (): never => {
    throw new UsageError(`--heads ${given}: expected whole numbers from 1, VISION,TEXT.`);
  };
  const { vision, text } = perTower(given, count, refuse);
  return { heads: { vision, text: given.includes(",") ? text : undefined } };
}

/** All that is said of weights that come without a config. */
function saidOf(args: Arguments): DescribeOptions {
  const preset = args.text("preset");
  const configFile = args.text("config");
  if (preset !== undefined && configFile !== undefined) {
    throw new UsageError("--preset and --config both name a config: give one of them.");
  }
  return { ...activationOf(args), ...headsOf(args), preset, configFile };
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
    inferred: saidOf(args),
    other: other === undefined ? undefined : { model: other, alpha },
    imageSize: askedSize(args),
  };
}

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
