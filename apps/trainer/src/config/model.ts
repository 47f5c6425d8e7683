import { ClipError } from "@clip-ts/base";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, initClip, preset, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { describeModel, loadModelParams, tokenizerFor, type ModelDescription } from "@clip-ts/node";
import type { RunConfig } from "./schema.ts";

type ModelSizes = RunConfig["model"];
type TextConfig = ClipConfig["text"];

/** CLIP's start and end are the last ids of a vocabulary of any size; other towers' stay. */
function withTextSizes(base: TextConfig, { contextLength, vocabSize }: ModelSizes): TextConfig {
  const vocab = vocabSize ?? base.vocabSize;
  const sizes = { contextLength: contextLength ?? base.contextLength, vocabSize: vocab };
  if (base.kind === "roberta" || base.kind === "siglip") return { ...base, ...sizes };
  return { ...base, ...sizes, startTokenId: vocab - 2, endTokenId: vocab - 1 };
}

function withSizes(base: ClipConfig, model: ModelSizes): ClipConfig {
  const { imageSize, projectionDim } = model;
  return {
    ...base,
    projectionDim: projectionDim ?? base.projectionDim,
    vision: { ...base.vision, imageSize: imageSize ?? base.vision.imageSize },
    text: withTextSizes(base.text, model),
  };
}

/** What a run trains: a preset from scratch, or a model that exists. */
export interface RunModel {
  readonly description: ModelDescription;
  /** Draws or loads the parameters on the running engine. The caller owns them. */
  readonly start: () => Promise<ClipParams>;
}

/** Resolves the `model` section of a config. */
export async function openRunModel(config: RunConfig): Promise<RunModel> {
  const { preset: name, from, ...sizes } = config.model;
  if ((name === undefined) === (from === undefined)) {
    throw new ClipError(
      "bad-config",
      'The config\'s "model" needs either "preset" (train from scratch) or "from" (go on from a model).',
    );
  }
  if (from !== undefined) {
    const changed = Object.keys(sizes);
    if (changed.length > 0) {
      throw new ClipError(
        "bad-config",
        `"model.from" brings its own sizes: remove ${changed.map((key) => `"model.${key}"`).join(", ")}.`,
      );
    }
    const description = await describeModel(from);
    return { description, start: () => loadModelParams(from, description.config) };
  }
  const clip = withSizes(preset(name as string), config.model);
  clipSpec(clip); // refuses sizes that do not fit together before any memory is taken
  const { background } = config.data;
  const plain = clipPreprocess(clip.vision.imageSize);
  const preprocess = background === undefined ? plain : { ...plain, alpha: background };
  const description = { config: clip, preprocess, ...tokenizerFor(clip) };
  return { description, start: () => Promise.resolve(initClip(clip, config.seed)) };
}
