import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import {
  openClipTokenizer,
  openTokenizer,
  type OpenTokenizerOptions,
  type ReadTokenizerFile,
  type Tokenizer,
} from "@clip-ts/tokenizer";
import { didYouMeanHub, isHubReference } from "../hub/hub-reference.ts";
import { resolveModel } from "./locate-model.ts";
import { isFile, tokenizerFiles } from "./model-files.ts";
import { readConfigs } from "./read-configs.ts";

/** Reads a folder's files; where one of them is another file, that one. */
function readIn(folder: string, others: Readonly<Record<string, string>> = {}): ReadTokenizerFile {
  return async (name) => {
    const path = others[name] ?? join(folder, name);
    return existsSync(path) ? readFile(path, "utf8") : undefined;
  };
}

const none: ReadTokenizerFile = () => Promise.resolve(undefined);

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
      "tokenizer.json there."
    );
  }
  const { kind = "clip", vocabSize } = text;
  return kind === "clip"
    ? `This model reads ids of a vocabulary of ${vocabSize}, which is not CLIP's ${wholeVocabulary}, and its ` +
        "folder has no tokenizer: put its tokenizer.json there (or vocab.json and merges.txt)."
    : "This model's folder lacks its tokenizer: put tokenizer.json there (or vocab.json and merges.txt).";
}

/** What is known of a folder besides its tokenizer's files. */
async function optionsIn(place: string): Promise<OpenTokenizerOptions> {
  if (isFile(place)) return {};
  const { own, openClip } = await readConfigs(place);
  if (own === undefined && openClip !== undefined) {
    const { model_cfg: model = openClip } = openClip as { model_cfg?: object };
    return { openClip: (model as { text_cfg?: unknown }).text_cfg ?? {} };
  }
  return {
    cutsVocabulary: (own as { model_type?: unknown } | undefined)?.model_type === "clip-ts",
  };
}

/**
 * The tokenizer of a model, from its folder's files where it is not CLIP's. `place` may be a file.
 * @throws ClipError "bad-data" if the files are broken.
 */
export async function readTokenizer(
  place: string,
  { text }: Pick<ClipConfig, "text">,
): Promise<FoundTokenizer> {
  const options = await optionsIn(place);
  try {
    const tokenizer = await openTokenizer(text, isFile(place) ? none : readIn(place), options);
    if (tokenizer !== undefined) return { tokenizer };
    return { missingTokenizer: { reason: reasonFor({ text }, options.openClip), isUnread: false } };
  } catch (error) {
    if (!isClipError(error) || error.code !== "unsupported") throw error;
    return { missingTokenizer: { reason: error.message, isUnread: true } };
  }
}

/** What reads the files of a tokenizer by itself. */
async function readerOf(tokenizer: string): Promise<ReadTokenizerFile> {
  if (isHubReference(tokenizer)) return readIn(await resolveModel(tokenizer));
  const path = resolve(tokenizer);
  if (!isFile(path)) return readIn(path);
  const isNamed = tokenizerFiles.includes(basename(path));
  return readIn(dirname(path), isNamed ? {} : { "tokenizer.json": path });
}

/**
 * Opens a tokenizer by itself for a text tower: a folder with `tokenizer.json` (or `vocab.json` and
 * `merges.txt`), one of those files, or `hf:owner/name`.
 * @throws ClipError "not-found" that says what was looked for.
 */
export async function readTokenizerAlone(
  place: string,
  { text }: ClipConfig,
): Promise<{ readonly tokenizer: Tokenizer }> {
  const read = await readerOf(place);
  const vocabularies = await Promise.all(["tokenizer.json", "vocab.json", "vocab.txt"].map(read));
  const hasFiles = vocabularies.some((found) => found !== undefined);
  const tokenizer = hasFiles ? await openTokenizer(text, read) : undefined;
  if (tokenizer !== undefined) return { tokenizer };
  throw new ClipError(
    "not-found",
    `There is no tokenizer in ${place}: expected a folder with tokenizer.json (or vocab.json and merges.txt), or that file.${didYouMeanHub(place)}`,
    { data: { place } },
  );
}
