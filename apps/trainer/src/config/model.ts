import { ClipError } from "@clip-ts/base";
import type { ClipConfig, ClipParams } from "@clip-ts/model";
import { configAtResolution, describeModel, type ModelDescription } from "@clip-ts/node";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { onNotice } from "../cli/notice.ts";
import { describeFresh } from "./fresh-model.ts";
import { checkRunTokenizer, readNamedTokenizer } from "./run-tokenizer.ts";
import type { RunConfig } from "./schema.ts";
import { drawStarting, loadStarting } from "./starting-params.ts";
import { withTraining } from "./with-training.ts";

/** What a run trains: a model from scratch, or one that exists. */
export interface RunModel {
  readonly description: ModelDescription;
  /** What a person should know of it before training, a line each. */
  readonly notes: readonly string[];
  /** Draws or loads the parameters on the running engine. The caller owns them. */
  readonly start: () => Promise<ClipParams>;
}

/** What may be changed of a stored model. */
const changeable: readonly string[] = ["imageSize", "patchDropout", "textDropout", "tokenizer"];

const namesOf = (keys: readonly string[]): string => keys.map((key) => `"model.${key}"`).join(", ");

function checkChanges(model: RunConfig["model"]): void {
  const kept = new Set(["from", ...changeable]);
  const changed = Object.keys(model).filter((key) => !kept.has(key));
  if (changed.length === 0) return;
  throw new ClipError(
    "bad-config",
    `"model.from" brings its own architecture: remove ${namesOf(changed)}. What can be changed of it: ${namesOf(changeable)}.`,
    { data: { changed } },
  );
}

/** What a stored model's user may not know of it. */
function notesOn({ vision }: ClipConfig, { model }: RunConfig): string[] {
  const { imageSize: from } = vision;
  const { imageSize: to = from, patchDropout: asked } = model;
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

async function openStored(from: string, config: RunConfig): Promise<RunModel> {
  const { model } = config;
  checkChanges(model);
  const stored = await describeModel(from, { onNotice });
  const { imageSize = stored.config.vision.imageSize, tokenizer } = model;
  const wanted = withTraining(configAtResolution(stored.config, imageSize), config);
  return {
    description: {
      ...stored,
      config: wanted,
      preprocess: { ...stored.preprocess, size: imageSize },
      ...(tokenizer !== undefined && (await readNamedTokenizer(tokenizer, wanted))),
    },
    notes: notesOn(stored.config, config),
    start: () => loadStarting(from, stored.config, wanted),
  };
}

async function openFresh(config: RunConfig): Promise<RunModel> {
  const description = await describeFresh(config);
  return { description, notes: [], start: () => drawStarting(description.config, config) };
}

/** Refuses a config that names no model, or several. */
function checkChoice({ preset, config, from }: RunConfig["model"]): void {
  if ([preset, config, from].filter((choice) => choice !== undefined).length === 1) return;
  throw new ClipError(
    "bad-config",
    'The config\'s "model" needs one of "preset" or "config" (train from scratch), or "from" (go on from a model).',
  );
}

/**
 * Resolves the `model` section of a config.
 * @throws ClipError "bad-config" for what does not fit together or is missing.
 */
export async function openRunModel(config: RunConfig): Promise<RunModel> {
  const { from } = config.model;
  checkChoice(config.model);
  const model = await (from === undefined ? openFresh(config) : openStored(from, config));
  checkRunTokenizer(model.description, config);
  return model;
}
