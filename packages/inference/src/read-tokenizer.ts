import { ClipError, isClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import {
  clipTokenizerFor,
  openClipTokenizer,
  openTokenizer,
  type OpenTokenizerOptions,
  type Tokenizer,
} from "@clip-ts/tokenizer";
import type { ModelFiles } from "./model-files.ts";
import { readConfigs } from "./read-description.ts";

/** A model's tokenizer, or why there is none. */
export interface FoundTokenizer {
  readonly tokenizer?: Tokenizer;
  readonly missingTokenizer?: MissingTokenizer;
}

/** Why a model can only be given ids. */
export interface MissingTokenizer {
  /** A sentence, and what to do. */
  readonly reason: string;
  /** Whether its files are there, but are not understood. */
  readonly isUnread: boolean;
}

const wholeVocabulary = 49408;

/** What is not in the folder, and what to put there. */
function reasonFor({ text }: Pick<ClipConfig, "text">, openClip: unknown): string {
  const name = openClip === undefined ? undefined : openClipTokenizer(openClip).name;
  if (name !== undefined) {
    return (
      `open_clip_config.json names the tokenizer "${name}", and its files are not in this folder: put its ` +
      "tokenizer.json (or its SentencePiece model) there."
    );
  }
  const { kind = "clip", vocabSize } = text;
  return kind === "clip"
    ? `This model reads ids of a vocabulary of ${vocabSize}, which is not CLIP's ${wholeVocabulary}, and its ` +
        "folder has no tokenizer: put its tokenizer.json there (or vocab.json and merges.txt)."
    : "This model's folder lacks its tokenizer: put tokenizer.json there (or vocab.json and merges.txt, vocab.txt, or " +
        "the SentencePiece model).";
}

/** What is known of a model besides its tokenizer's files. */
async function optionsIn(files: ModelFiles): Promise<OpenTokenizerOptions> {
  if (files.weights !== undefined) return {};
  const { own, openClip } = await readConfigs(files);
  if (own === undefined && openClip !== undefined) {
    const { model_cfg: model = openClip } = openClip as { model_cfg?: object };
    return { openClip: (model as { text_cfg?: unknown }).text_cfg ?? {} };
  }
  return {
    cutsVocabulary: (own as { model_type?: unknown } | undefined)?.model_type === "clip-ts",
  };
}

/** Reads files that are no texts. */
export function readWhole({ open }: Pick<ModelFiles, "open">): (name: string) => Promise<Uint8Array | undefined> {
  return async (name) => {
    const source = await open(name);
    if (source === undefined) return undefined;
    try {
      return await source.read(0, source.size);
    } finally {
      await source.close();
    }
  };
}

/**
 * The tokenizer of a model, from its files where it is not CLIP's. `language` is that of the captions, where the
 * tokenizer has several (NLLB's): eng_Latn by default.
 * @throws ClipError "bad-data" if the files are broken, "bad-argument" for a language that is none of the tokenizer's.
 */
export async function readTokenizer(
  files: ModelFiles,
  { text }: Pick<ClipConfig, "text">,
  { language }: { readonly language?: string | undefined } = {},
): Promise<FoundTokenizer> {
  const options = { ...(await optionsIn(files)), ...(language !== undefined && { language }) };
  try {
    const tokenizer = await openTokenizer(text, files.readText, { ...options, readBytes: readWhole(files) });
    if (tokenizer !== undefined) return { tokenizer };
    return { missingTokenizer: { reason: reasonFor({ text }, options.openClip), isUnread: false } };
  } catch (error) {
    if (!isClipError(error) || error.code !== "unsupported") throw error;
    return { missingTokenizer: { reason: error.message, isUnread: true } };
  }
}

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
}: { readonly config: Pick<ClipConfig, "text"> } & FoundTokenizer): Tokenizer {
  if (tokenizer !== undefined) return tokenizer;
  const { kind = "clip", vocabSize } = config.text;
  const { reason = `This model has no tokenizer for its vocabulary of ${vocabSize}.` } = missingTokenizer ?? {};
  const advice = "Give it token ids instead of text.";
  const message = reason.endsWith(advice) ? reason : `${reason} ${advice}`;
  throw new ClipError("unsupported", message, { data: { kind, vocabSize } });
}
