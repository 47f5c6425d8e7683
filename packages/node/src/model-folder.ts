import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { formatPreprocessorConfig } from "@clip-ts/image";
import {
  clipSpec,
  formatClipConfig,
  weightNamesOf,
  type ClipConfig,
  type ClipParams,
} from "@clip-ts/model";
import { clipTokenizerFor, type Tokenizer } from "@clip-ts/tokenizer";
import { loadHostArrays, loadParams, streamParams, type TensorFile } from "@clip-ts/weights";
import { writeFileWhole, writeJson } from "./files.ts";
import { configAtResolution, weightsAtResolution } from "./models/at-resolution.ts";
import { checkOrigin } from "./models/check-origin.ts";
import { resolveModel } from "./models/locate-model.ts";
import { modelFiles } from "./models/model-files.ts";
import {
  readDescription,
  type DescribeOptions,
  type ModelFacts,
} from "./models/read-description.ts";
import { readTokenizer, type FoundTokenizer } from "./models/read-tokenizer.ts";
import { checkStoredPositions } from "./models/stored-positions.ts";
import { withWeights } from "./models/weights-file.ts";

/** What a model folder says about a model, apart from its weights. */
export interface ModelDescription extends ModelFacts, FoundTokenizer {}

/** The tokenizer that a text tower was made for, if it is CLIP's. */
export function tokenizerFor({ text }: ClipConfig): { readonly tokenizer?: Tokenizer } {
  const tokenizer = clipTokenizerFor(text);
  return tokenizer === undefined ? {} : { tokenizer };
}

/** The model's tokenizer. @throws ClipError "unsupported" if it can only be given ids. */
export function needTokenizer({
  config,
  tokenizer,
  missingTokenizer,
}: Pick<ModelDescription, "config" | "tokenizer" | "missingTokenizer">): Tokenizer {
  if (tokenizer !== undefined) return tokenizer;
  const { kind = "clip", vocabSize } = config.text;
  const { reason = `This model has no tokenizer for its vocabulary of ${vocabSize}.` } =
    missingTokenizer ?? {};
  const advice = "Give it token ids instead of text.";
  const message = reason.endsWith(advice) ? reason : `${reason} ${advice}`;
  throw new ClipError("unsupported", message, { data: { kind, vocabSize } });
}

/**
 * Reads config, preprocessing and tokenizer of a model: a folder of Hugging Face's or open_clip's, a run,
 * a file of weights, or `hf:owner/name`. Weights are looked at only where there is no config;
 * `options` say what they do not.
 */
export async function describeModel(
  model: string,
  options: DescribeOptions = {},
): Promise<ModelDescription> {
  const place = await resolveModel(model);
  const facts = await readDescription(place, options);
  return { ...facts, ...(await readTokenizer(place, facts.config)) };
}

/** How a model's parameters are loaded. */
export interface LoadModelOptions {
  /** Pixels a side of the images it is for: positions are interpolated if the config says another size. */
  readonly imageSize?: number | undefined;
}

/** Opens the weights that belong to a config, at the image size that is wanted, for as long as `use` runs. */
function withModelWeights<Result>(
  model: string,
  config: ClipConfig,
  { imageSize = config.vision.imageSize }: LoadModelOptions,
  use: (spec: object, file: TensorFile) => Promise<Result>,
): Promise<Result> {
  return withWeights(model, async (file) => {
    checkOrigin(config, model, file);
    await checkStoredPositions(config, file);
    const isAsStored = imageSize === config.vision.imageSize;
    const wanted = isAsStored ? config : configAtResolution(config, imageSize);
    const weights = isAsStored ? file : weightsAtResolution(config, file, imageSize);
    return use(clipSpec(wanted), weights);
  });
}

/**
 * Reads a model's parameters by path; `config` is what its folder says. No engine has to run, unless
 * positions are interpolated for another image size.
 * @throws ClipError where config and weights do not belong together.
 */
export function loadHostParams(
  model: string,
  config: ClipConfig,
  options: LoadModelOptions = {},
): Promise<HostArrays> {
  return withModelWeights(model, config, options, loadHostArrays);
}

/**
 * Loads a model's parameters onto the running engine, one after the other, as a tree of tensors that the
 * caller owns; otherwise as `loadHostParams`.
 */
export function loadModelParams(
  model: string,
  config: ClipConfig,
  options: LoadModelOptions = {},
): Promise<ClipParams> {
  return withModelWeights(model, config, options, loadParams) as Promise<ClipParams>;
}

/** Writes a tokenizer's files into a folder. */
export async function writeTokenizer(folder: string, tokenizer: Tokenizer): Promise<void> {
  for (const [name, content] of Object.entries(tokenizer.files())) {
    const path = join(folder, name);
    await (typeof content === "string" ? writeFileWhole(path, content) : writeJson(path, content));
  }
}

/** Writes everything about a model but its weights. */
export async function writeDescription(
  folder: string,
  { config, preprocess, tokenizer }: ModelDescription,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.config), formatClipConfig(config));
  await writeJson(join(folder, modelFiles.preprocessor), formatPreprocessorConfig(preprocess));
  if (tokenizer !== undefined) await writeTokenizer(folder, tokenizer);
}

/**
 * Writes a folder that clip-ts, transformers and transformers.js load. Borrows the parameters, a tree or
 * flat tree of host arrays, for which no engine has to run, or of tensors.
 */
export async function writeModel(
  folder: string,
  description: ModelDescription,
  params: object,
): Promise<void> {
  await writeDescription(folder, description);
  const { chunks } = streamParams(params, { layout: weightNamesOf(description.config) });
  await writeFileWhole(join(folder, modelFiles.weights), chunks());
}
