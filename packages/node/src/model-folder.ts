import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import {
  clipPreprocess,
  formatPreprocessorConfig,
  parsePreprocessorConfig,
  type PreprocessConfig,
} from "@clip-ts/image";
import {
  clipSpec,
  formatClipConfig,
  parseClipConfig,
  type ClipConfig,
  type ClipParams,
} from "@clip-ts/model";
import { createClipTokenizer, toHuggingFaceFiles, type Tokenizer } from "@clip-ts/tokenizer";
import {
  loadParams,
  openSafetensors,
  openSharded,
  streamParams,
  type TensorFile,
} from "@clip-ts/weights";
import { openFile, readJson, writeFileWhole, writeJson } from "./files.ts";
import { latestFolders } from "./run-folder.ts";

/** What a model folder says about a model, apart from its weights. */
export interface ModelDescription {
  readonly config: ClipConfig;
  readonly preprocess: PreprocessConfig;
  /** Absent if the text tower's vocabulary is none that the CLIP tokenizer can make. */
  readonly tokenizer?: Tokenizer;
}

/** Names in a Hugging Face style folder. */
const names = {
  config: "config.json",
  weights: "model.safetensors",
  index: "model.safetensors.index.json",
  preprocessor: "preprocessor_config.json",
} as const;

/** Ids that CLIP's vocabulary can be cut to: bytes, bytes at word ends, start and end; all merges. */
const clipVocabulary = { smallest: 514, largest: 49408 } as const;

/** The tokenizer that a text tower was made for, if it is CLIP's. */
export function tokenizerFor(config: ClipConfig): { readonly tokenizer?: Tokenizer } {
  const { vocabSize, contextLength, padTokenId } = config.text;
  if (vocabSize < clipVocabulary.smallest || vocabSize > clipVocabulary.largest) return {};
  return { tokenizer: createClipTokenizer({ vocabSize, contextLength, padId: padTokenId }) };
}

/** The model's tokenizer. @throws ClipError "unsupported" if it can only be given ids. */
export function needTokenizer({ config, tokenizer }: ModelDescription): Tokenizer {
  if (tokenizer !== undefined) return tokenizer;
  throw new ClipError(
    "unsupported",
    `This model reads ids of a vocabulary of ${config.text.vocabSize}; CLIP's tokenizer makes ` +
      `${clipVocabulary.smallest} to ${clipVocabulary.largest}. Give it token ids instead of text.`,
    { data: { vocabSize: config.text.vocabSize } },
  );
}

/**
 * Where a model lies: a Hugging Face style folder itself, or the latest checkpoint of a run folder.
 * @throws ClipError "not-found" that says what was looked for.
 */
export function locateModel(model: string): string {
  if (model.startsWith("hf:")) {
    throw new ClipError(
      "unsupported",
      `${model}: downloading from the Hugging Face hub is not built yet. Download the folder and give its path.`,
      { data: { model } },
    );
  }
  const candidates = [resolve(model), ...latestFolders(resolve(model))];
  const found = candidates.find((folder) => existsSync(join(folder, names.config)));
  if (found !== undefined) return found;
  throw new ClipError(
    "not-found",
    `There is no model in ${model}: expected a folder with ${names.config} and ${names.weights}, or a run folder with a checkpoint.`,
    { data: { model } },
  );
}

/** Reads config and preprocessing of a model folder; no weights. */
export async function describeModel(model: string): Promise<ModelDescription> {
  const folder = locateModel(model);
  const config = parseClipConfig(await readJson(join(folder, names.config)));
  const preprocessor = join(folder, names.preprocessor);
  const preprocess = existsSync(preprocessor)
    ? parsePreprocessorConfig(await readJson(preprocessor))
    : clipPreprocess(config.vision.imageSize);
  return { config, preprocess, ...tokenizerFor(config) };
}

/** Opens a folder's weights, one file or shards, for as long as `use` runs. */
export async function withWeights<Result>(
  model: string,
  use: (file: TensorFile) => Promise<Result>,
): Promise<Result> {
  const folder = locateModel(model);
  const whole = join(folder, names.weights);
  const index = join(folder, names.index);
  const opened: { close: () => Promise<void> }[] = [];
  const open = async (path: string): ReturnType<typeof openFile> => {
    const source = await openFile(path);
    opened.push(source);
    return source;
  };
  try {
    const isSharded = existsSync(index) && !existsSync(whole);
    const file = isSharded
      ? await openSharded(await readJson(index), (shard) => open(join(folder, shard)))
      : await openSafetensors(await open(whole), whole);
    return await use(file);
  } finally {
    await Promise.all(opened.map((source) => source.close()));
  }
}

/** Loads a folder's parameters onto the running engine. The caller owns them. */
export function loadModelParams(model: string, config: ClipConfig): Promise<ClipParams> {
  return withWeights(model, (file) => loadParams(clipSpec(config), file));
}

/** Writes everything about a model but its weights. */
export async function writeDescription(
  folder: string,
  { config, preprocess, tokenizer }: ModelDescription,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, names.config), formatClipConfig(config));
  await writeJson(join(folder, names.preprocessor), formatPreprocessorConfig(preprocess));
  if (tokenizer === undefined) return;
  for (const [file, content] of Object.entries(toHuggingFaceFiles(tokenizer))) {
    await writeJson(join(folder, file), content);
  }
}

/** Writes a folder that clip-ts, transformers and transformers.js load. Borrows the parameters. */
export async function writeModel(
  folder: string,
  description: ModelDescription,
  params: object,
): Promise<void> {
  await writeDescription(folder, description);
  const { chunks } = streamParams(params);
  await writeFileWhole(join(folder, names.weights), chunks());
}
