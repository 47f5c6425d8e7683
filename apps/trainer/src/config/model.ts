import { ClipError } from "@clip-ts/base";
import { clipPreprocess } from "@clip-ts/image";
import { flattenTree, initParams } from "@clip-ts/core";
import {
  clipSpec,
  initClip,
  lossOf,
  preset,
  type ClipConfig,
  type ClipParams,
  type LossConfig,
} from "@clip-ts/model";
import { initialSigmoidLogitScale } from "@clip-ts/projection";
import {
  describeModel,
  loadModelParams,
  loadTower,
  readTokenizer,
  resolveModel,
  tokenizerFor,
  type ModelDescription,
} from "@clip-ts/node";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
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

/** The loss that the config asks for, in place of the model's own. */
function withLoss(base: ClipConfig, { loss }: RunConfig): ClipConfig {
  if (loss === undefined) return base;
  const { chunk: _, ...asked } = loss;
  return { ...base, loss: asked as LossConfig };
}

/** Patches are dropped in training only, so it may be asked of any model that has some. */
function withPatchDropout(base: ClipConfig, { model }: RunConfig): ClipConfig {
  const { patchDropout } = model;
  if (patchDropout === undefined) return base;
  if ("patchSize" in base.vision) {
    return { ...base, vision: { ...base.vision, patchDropout } };
  }
  throw new ClipError("bad-config", '"model.patchDropout": a ResNet has no patches; remove it.');
}

/** The same for RoBERTa, of whose activations and attention weights equal shares are dropped. */
function withTextDropout(base: ClipConfig, { model }: RunConfig): ClipConfig {
  const { textDropout: share } = model;
  if (share === undefined) return base;
  if (base.text.kind === "roberta") {
    const text = { ...base.text, hiddenDropout: share, attentionDropout: share };
    return { ...base, text };
  }
  throw new ClipError(
    "bad-config",
    '"model.textDropout": only RoBERTa was trained with dropout, and this text tower is another; remove it.',
  );
}

/** What is asked of training beyond what the model says. */
function withTraining(base: ClipConfig, config: RunConfig): ClipConfig {
  return withTextDropout(withPatchDropout(withLoss(base, config), config), config);
}

/** Sigmoid training from scratch starts at a scale of its own. */
function withStartingScale(base: ClipConfig): ClipConfig {
  if (lossOf(base).kind !== "sigmoid") return base;
  return { ...base, initialLogitScale: initialSigmoidLogitScale };
}

/** Parameters of a stored model; a sigmoid run on a model without a bias gives it one. */
async function loadStarting(
  from: string,
  stored: ClipConfig,
  wanted: ClipConfig,
): Promise<ClipParams> {
  const params = await loadModelParams(from, stored);
  const { logit_bias: spec } = clipSpec(wanted);
  const { logit_bias: bias, ...rest } = params;
  if (spec === undefined) {
    bias?.dispose();
    return rest;
  }
  return { ...rest, logit_bias: bias ?? initParams({ spec }, 0).spec };
}

/** What a run trains: a preset from scratch, or a model that exists. */
export interface RunModel {
  readonly description: ModelDescription;
  /** Draws or loads the parameters on the running engine. The caller owns them. */
  readonly start: () => Promise<ClipParams>;
}

/** Draws a preset's parameters and loads those of the towers that have weights. */
async function startTowers(clip: ClipConfig, { model, seed }: RunConfig): Promise<ClipParams> {
  const params = initClip(clip, seed);
  const loaded: {
    vision_model?: ClipParams["vision_model"];
    text_model?: ClipParams["text_model"];
  } = {};
  try {
    if (model.vision !== undefined)
      loaded.vision_model = await loadTower(model.vision, clip, "vision");
    if (model.text !== undefined) loaded.text_model = await loadTower(model.text, clip, "text");
  } catch (error) {
    dispose(flattenTree<Tensor>({ ...loaded, params }));
    throw error;
  }
  const { vision_model, text_model } = params;
  if (loaded.vision_model !== undefined) dispose(flattenTree<Tensor>(vision_model));
  if (loaded.text_model !== undefined) dispose(flattenTree<Tensor>(text_model));
  return { ...params, ...loaded };
}

/** The tokenizer of the text tower's own weights, where it is not CLIP's. */
async function tokenizerOf(
  clip: ClipConfig,
  { model }: RunConfig,
): Promise<Pick<ModelDescription, "tokenizer">> {
  if (model.text === undefined) return tokenizerFor(clip);
  return readTokenizer(await resolveModel(model.text), clip);
}

/** A built-in size: from scratch, but for towers that have weights of their own. */
async function openPreset(name: string, config: RunConfig): Promise<RunModel> {
  const sized = withSizes(preset(name), config.model);
  const clip = withStartingScale(withTraining(sized, config));
  clipSpec(clip); // refuses sizes that do not fit together before any memory is taken
  const { background } = config.data;
  const plain = clipPreprocess(clip.vision.imageSize);
  const preprocess = background === undefined ? plain : { ...plain, alpha: background };
  const description = { config: clip, preprocess, ...(await tokenizerOf(clip, config)) };
  return { description, start: () => startTowers(clip, config) };
}

/** Resolves the `model` section of a config. */
export async function openRunModel(config: RunConfig): Promise<RunModel> {
  const { preset: name, from, patchDropout: _, textDropout: __, ...sizes } = config.model;
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
    const stored = await describeModel(from);
    const wanted = withTraining(stored.config, config);
    return {
      description: { ...stored, config: wanted },
      start: () => loadStarting(from, stored.config, wanted),
    };
  }
  return openPreset(name as string, config);
}
