import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { ClipConfig } from "@clip-ts/model";
import { configAtResolution, type ModelDescription } from "@clip-ts/inference";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { openModel } from "@clip-ts/node";
import { onNotice } from "../cli/notice.ts";
import { describeFresh, type FreshModelOptions } from "./fresh-model.ts";
import { checkRunTokenizer, readNamedTokenizer } from "./run-tokenizer.ts";
import { drawStarting, loadStarting, type StartingOptions } from "./starting-params.ts";
import { withTraining } from "./with-training.ts";

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
  /** Draws or loads the parameters, by path. */
  readonly start: () => Promise<HostArrays>;
}

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
  const isInterpolated = to !== from && positions === "learned";
  return [
    ...(isInterpolated ? [`positions for ${from} px are interpolated for ${to} px`] : []),
    ...(patchDropout > 0 && asked === undefined
      ? [
          `trained with patchDropout ${patchDropout} and goes on so; "model.patchDropout: 0" shows it whole images`,
        ]
      : []),
  ];
}

async function openStored(from: string, options: RunModelOptions): Promise<RunModel> {
  checkChanges(options);
  const stored = await openModel(from, { onNotice });
  const { imageSize = stored.config.vision.imageSize, tokenizer } = options;
  const wanted = withTraining(configAtResolution(stored.config, imageSize), options);
  return {
    description: {
      ...stored,
      config: wanted,
      preprocess: { ...stored.preprocess, size: imageSize },
      ...(tokenizer !== undefined && (await readNamedTokenizer(tokenizer, wanted))),
    },
    notes: notesOn(stored.config, options),
    start: () => loadStarting(stored, wanted),
  };
}

async function openFresh(options: RunModelOptions): Promise<RunModel> {
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
  return model;
}
