import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { modelFiles } from "@clip-ts/base";
import { readJson, writeFileWhole, writeJson } from "@clip-ts/files";
import { formatOpenClipPreprocess, formatPreprocessorConfig, planesOnly } from "@clip-ts/image";
import type { ModelDescription } from "@clip-ts/inference";
import {
  formatClipConfig,
  formatOpenClipConfig,
  formatRobertaConfig,
  formatTorchvisionConfig,
  weightNamesOf,
  type ClipConfig,
} from "@clip-ts/model";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { streamParams } from "@clip-ts/weights";

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
export async function writeModel(folder: string, description: ModelDescription, params: object): Promise<void> {
  await writeDescription(folder, description);
  const { chunks } = streamParams(params, { layout: weightNamesOf(description.config) });
  await writeFileWhole(join(folder, modelFiles.weights), chunks());
}

type Json = Readonly<Record<string, unknown>>;

const clipVocabSize = 49408;

/**
 * Stands for the folder itself where open_clip wants the name of a tokenizer: it takes the files beside
 * the config whatever it is called, but only from `local-dir:`. On the hub it is the repository's name.
 */
const ownTokenizerName = "this-folder";

/** Whether open_clip's own tokenizer makes the same ids. */
const isSimple = ({ source, vocabSize }: Tokenizer): boolean => source === "clip" && vocabSize === clipVocabSize;

/** What open_clip calls a cleaning; it has none that leaves text as it is. */
function cleanOf({ cleaning }: Tokenizer, usual: string): { readonly clean?: string } {
  const isKnown = cleaning !== "none" && cleaning !== "siglip";
  return isKnown && cleaning !== usual ? { clean: cleaning } : {};
}

/** The keys from which open_clip finds the tokenizer whose files lie in the folder, and uses it alike. */
function tokenizerKeys(tokenizer: Tokenizer, textCfg: Json): Json {
  const simple = isSimple(tokenizer);
  const kwargs = {
    ...cleanOf(tokenizer, simple ? "lower" : "whitespace"),
    ...(tokenizer.stripsSeparator && { strip_sep_token: true }),
  };
  const { hf_tokenizer_name: name = ownTokenizerName, context_length: length } = textCfg;
  return {
    ...(!simple && { hf_tokenizer_name: name, context_length: length ?? tokenizer.contextLength }),
    ...(Object.keys(kwargs).length > 0 && { tokenizer_kwargs: kwargs }),
  };
}

/**
 * Writes the `open_clip_config.json` of a folder that open_clip loads as `local-dir:FOLDER` or from the hub.
 * @throws ClipError if open_clip cannot build the model.
 */
export async function writeOpenClipDescription(
  folder: string,
  { config, preprocess, tokenizer }: ModelDescription,
): Promise<void> {
  const { model_cfg: model } = formatOpenClipConfig(config);
  const textCfg = model["text_cfg"] as Json;
  const keys = tokenizer === undefined ? {} : tokenizerKeys(tokenizer, textCfg);
  const content = {
    model_cfg: { ...model, text_cfg: { ...textCfg, ...keys } },
    preprocess_cfg: formatOpenClipPreprocess(planesOnly(preprocess, "open_clip's format")),
  };
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.openClipConfig), content);
}

/**
 * The `open_clip_config.json` of a folder as it has to read in a repository of the hub, where open_clip finds
 * the tokenizer beside it by the repository's name; undefined where the file goes as it is.
 */
export async function openClipConfigFor(folder: string, repository: string): Promise<string | undefined> {
  const path = join(folder, modelFiles.openClipConfig);
  if (!existsSync(path)) return undefined;
  const content = (await readJson(path)) as { readonly model_cfg?: Json };
  const textCfg = content.model_cfg?.["text_cfg"] as Json | undefined;
  if (textCfg?.["hf_tokenizer_name"] !== ownTokenizerName) return undefined;
  const text_cfg = { ...textCfg, hf_tokenizer_name: repository };
  return `${JSON.stringify({ ...content, model_cfg: { ...content.model_cfg, text_cfg } }, null, 2)}\n`;
}

/** What describes a vision tower, of a whole model or alone. */
type VisionFacts = { readonly config: Pick<ClipConfig, "vision"> } & Partial<Pick<ModelDescription, "preprocess">>;

/** What describes a text tower, of a whole model or alone. */
type TextFacts = { readonly config: Pick<ClipConfig, "text"> } & Partial<Pick<ModelDescription, "tokenizer">>;

/**
 * Writes what describes a vision tower alone: the arguments of torchvision's `VisionTransformer`, and the
 * preprocessing if it is known.
 * @throws ClipError "unsupported" for a tower that torchvision cannot build.
 */
export async function writeTorchvisionDescription(folder: string, { config, preprocess }: VisionFacts): Promise<void> {
  const content = formatTorchvisionConfig(config);
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.config), content);
  if (preprocess === undefined) return;
  await writeJson(join(folder, modelFiles.preprocessor), formatPreprocessorConfig(preprocess));
}

/**
 * Writes what describes a text tower alone, config and tokenizer, so that transformers' `RobertaModel`
 * loads the folder.
 * @throws ClipError "unsupported" for a text tower that is no RoBERTa.
 */
export async function writeRobertaDescription(folder: string, { config, tokenizer }: TextFacts): Promise<void> {
  const content = formatRobertaConfig(config);
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.config), content);
  if (tokenizer !== undefined) await writeTokenizer(folder, tokenizer);
}
