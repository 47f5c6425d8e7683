import { ClipError, sameSize, shownSize } from "@clip-ts/base";
import { flattenTree, initHostParams, pickLeaves, type HostArrays, type ParamSpec } from "@clip-ts/core";
import {
  atResolution,
  closing,
  configAtResolution,
  loadHostParams,
  loadHostTower,
  type Model,
  type ModelDescription,
  type TowerSide,
} from "@clip-ts/inference";
import { preprocessAtSize } from "@clip-ts/image";
import { clipSpec, type ClipConfig } from "@clip-ts/model";
import { openModel, withWeights } from "@clip-ts/node";
import { hasOpenSide, pixelForm, type VitConfig } from "@clip-ts/vision-encoder";
import { onNotice } from "../cli/output.ts";
import { describeFresh, withTraining, type FreshModelOptions } from "./fresh-model.ts";
import { withChanges } from "./preprocess.ts";
import { unusedSettings } from "./unused-settings.ts";
import { checkRunTokenizer, readNamedTokenizer } from "./run-tokenizer.ts";

/** Which model a run trains: one of `preset`, `config` and `from` says it. */
export interface RunModelOptions extends FreshModelOptions, StartingOptions {
  /** A stored model to go on from, of which little can be changed. */
  readonly from?: string | undefined;
  /** Whether its captions are read, for which it needs a tokenizer, or come as ids. */
  readonly readsCaptions: boolean;
}

/** What a run trains: a model from scratch, or one that exists. */
export interface RunModel {
  readonly description: ModelDescription;
  /** What a person should know of it before training, a line each. */
  readonly notes: readonly string[];
  /** What the files that it begins with say and training does not apply, a line each. */
  readonly unused: readonly string[];
  /** Draws or loads the parameters, by path. */
  readonly start: () => Promise<HostArrays>;
}

type Opened = Omit<RunModel, "unused">;

/** What is said of the model itself, whichever it is. */
type ModelChange = Exclude<
  keyof RunModelOptions,
  "preset" | "config" | "from" | "loss" | "background" | "seed" | "readsCaptions"
>;

/** Whether it may be said of a stored model too. */
const isChangeable: Readonly<Record<ModelChange, boolean>> = {
  architecture: false,
  vision: false,
  text: false,
  imageSize: true,
  preprocess: true,
  contextLength: false,
  vocabSize: false,
  projectionDim: false,
  patchDropout: true,
  textDropout: true,
  tokenizer: true,
};

const namesOf = (keys: readonly string[]): string => keys.map((key) => `"model.${key}"`).join(", ");

function checkChanges(options: RunModelOptions): void {
  const keys = Object.keys(isChangeable) as ModelChange[];
  const changed = keys.filter((key) => !isChangeable[key] && options[key] !== undefined);
  if (changed.length === 0) return;
  const changeable = keys.filter((key) => isChangeable[key]);
  throw new ClipError(
    "bad-config",
    `"model.from" brings its own architecture: remove ${namesOf(changed)}. What can be changed of it: ${namesOf(changeable)}.`,
    { data: { changed } },
  );
}

/** What a stored model's user may not know of it. */
function notesOn({ vision }: ClipConfig, options: RunModelOptions): string[] {
  const { imageSize: from } = vision;
  const { imageSize: to = from, patchDropout: asked } = options;
  const { patchDropout = 0, positions = "learned" } = vision as Partial<VitConfig>;
  const isInterpolated = !sameSize(to, from) && positions === "learned" && !hasOpenSide(pixelForm(vision));
  return [
    ...(isInterpolated ? [`positions for ${shownSize(from)} px are interpolated for ${shownSize(to)} px`] : []),
    ...(patchDropout > 0 && asked === undefined
      ? [`trained with patchDropout ${patchDropout} and goes on so; "model.patchDropout: 0" shows it whole images`]
      : []),
  ];
}

async function openStored(from: string, options: RunModelOptions): Promise<Opened> {
  checkChanges(options);
  const stored = await openModel(from, { onNotice });
  const { imageSize = stored.config.vision.imageSize, tokenizer } = options;
  const wanted = withTraining(configAtResolution(stored.config, imageSize), options);
  const { preprocess } = stored;
  return {
    description: {
      ...stored,
      config: wanted,
      preprocess: withChanges(
        options.imageSize === undefined ? preprocess : preprocessAtSize(preprocess, imageSize),
        options.preprocess,
      ),
      ...(tokenizer !== undefined && (await readNamedTokenizer(tokenizer, wanted))),
    },
    notes: notesOn(stored.config, options),
    start: () => loadStarting(stored, wanted),
  };
}

async function openFresh(options: RunModelOptions): Promise<Opened> {
  const description = await describeFresh(options);
  return { description, notes: [], start: () => drawStarting(description.config, options) };
}

/** Refuses options that name no model, or several. */
function checkChoice({ preset, config, from }: RunModelOptions): void {
  if ([preset, config, from].filter((choice) => choice !== undefined).length === 1) return;
  throw new ClipError(
    "bad-config",
    'The config\'s "model" needs one of "preset" or "config" (train from scratch), or "from" (go on from a model).',
  );
}

/**
 * Finds the model that a run trains; nothing of it is loaded or drawn yet.
 * @throws ClipError "bad-config" for what does not fit together or is missing.
 */
export async function openRunModel(options: RunModelOptions): Promise<RunModel> {
  const { from } = options;
  checkChoice(options);
  const model = await (from === undefined ? openFresh(options) : openStored(from, options));
  checkRunTokenizer(model.description, options);
  return { ...model, unused: await unusedSettings(options, model.description.config) };
}

/** What a new model starts from. */
export interface StartingOptions {
  /** Weights that its towers start from; drawn by default. */
  readonly vision?: string | undefined;
  readonly text?: string | undefined;
  readonly seed: number;
}

/**
 * Parameters of a stored model by path, its positions for the images that are wanted; a sigmoid run on a
 * model without a bias gives it one.
 */
async function loadStarting(stored: Model, wanted: ClipConfig): Promise<HostArrays> {
  const model = atResolution(stored, wanted.vision.imageSize);
  const { logit_bias: bias, ...rest } = await closing(model, loadHostParams);
  const { logit_bias: spec } = clipSpec(wanted);
  if (spec === undefined) return rest;
  return {
    ...rest,
    ...(bias === undefined ? initHostParams({ logit_bias: spec }, 0) : { logit_bias: bias }),
  };
}

/** Reads one tower of a model from weights that hold it, alone or with another. */
function loadSide(model: string, clip: ClipConfig, side: TowerSide): Promise<HostArrays> {
  return withWeights(model, (file) => loadHostTower(file, clip, side));
}

/** Loads those towers of a model that have weights, and draws the rest; by path. */
async function drawStarting(clip: ClipConfig, { vision, text, seed }: StartingOptions): Promise<HostArrays> {
  const loaded = {
    ...(vision !== undefined && (await loadSide(vision, clip, "vision"))),
    ...(text !== undefined && (await loadSide(text, clip, "text"))),
  };
  const spec = flattenTree<ParamSpec>(clipSpec(clip));
  const drawn = Object.entries(spec).filter(([path]) => !(path in loaded));
  const arrays = { ...initHostParams(Object.fromEntries(drawn), seed), ...loaded };
  return pickLeaves(arrays, Object.keys(spec));
}
