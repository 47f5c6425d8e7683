import { ClipError } from "@clip-ts/base";
import { clipVocabularyIn } from "./clip-files.ts";
import { openClipTokenizer, type OpenClipTokenizer } from "./open-clip-settings.ts";
import type { Cleaning } from "./clean-text.ts";
import type { FileTokenizerOptions } from "./file-tokenizer.ts";
import { refuseLanguage, saying } from "./pipeline/slow-files.ts";
import { readingTokenizer } from "./pipeline/json.ts";
import {
  className,
  configOf,
  hasTokenizer,
  sentencePieceNames,
  tokenizerFileNames,
  type TokenizerFiles,
} from "./pipeline/tokenizer-files.ts";
import { createClipTokenizer, type Tokenizer } from "./tokenizer.ts";
import { clipVocabSize, fewestIds } from "./vocabulary.ts";

/** What a text tower says about the ids it reads. */
export interface TowerVocabulary {
  /**
   * Which tower ("clip", "roberta", "siglip", "bert" …); without one it is CLIP's. One of one's own ("own") reads
   * CLIP's tokens, where no files say others.
   */
  readonly kind?: string | undefined;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly padTokenId: number;
  /** The token that CLIP's tower pools at; checked against the tokenizer's where it is given. */
  readonly endTokenId?: number | undefined;
  /** Whether a token sees only those before it; true by default. */
  readonly causal?: boolean | undefined;
  /** Which token stands for the caption; only "last" matters here. */
  readonly pooling?: string | undefined;
  /** Of a tower of one's own: whether padding changes what it says; false by default. */
  readonly readsPadding?: boolean | undefined;
}

/** Text of a file of the model's folder; undefined if there is none of that name. */
export type ReadTokenizerFile = (name: string) => Promise<string | undefined>;

/** Bytes of a file of the model's folder; undefined if there is none of that name. */
export type ReadTokenizerBytes = (name: string) => Promise<Uint8Array | undefined>;

/** What is known of a folder besides its tokenizer's files. */
export interface OpenTokenizerOptions extends Pick<FileTokenizerOptions, "language" | "parseSpecialTokens"> {
  /** Gives a file that is no text: a SentencePiece model, asked for where no texts make a tokenizer. */
  readonly readBytes?: ReadTokenizerBytes | undefined;
  /** The `text_cfg` of `open_clip_config.json`, where that describes the model. */
  readonly openClip?: unknown;
  /**
   * Whether a vocabulary smaller than CLIP's is CLIP's cut to its first merges where there are no files:
   * true for a model that is made anew, or described by clip-ts. Default false.
   */
  readonly cutsVocabulary?: boolean;
}

/**
 * Whether padding changes what a text tower says: such towers read rows of the whole context, in
 * training, in use and in exported graphs.
 */
export function readsPadding(tower: TowerVocabulary): boolean {
  const { kind, causal, pooling } = tower;
  if (kind === "own") return tower.readsPadding === true;
  // The other kinds leave padding out of attention.
  return kind === "siglip" || ((kind ?? "clip") === "clip" && (causal === false || pooling === "last"));
}

/** Whether a tower was made for CLIP's tokens, unless its files say others. */
const readsClips = ({ kind = "clip" }: TowerVocabulary): boolean => kind === "clip" || kind === "own";

/**
 * CLIP's tokenizer cut to a tower's vocabulary; undefined for other towers and for vocabularies that are
 * not CLIP's. For a tower that reads padding, every row is as wide as the context.
 */
export function clipTokenizerFor(
  tower: TowerVocabulary,
  options: Pick<FileTokenizerOptions, "cleaning" | "contextLength"> = {},
): Tokenizer | undefined {
  const { vocabSize, contextLength, padTokenId } = tower;
  if (!readsClips(tower) || vocabSize < fewestIds || vocabSize > clipVocabSize) return undefined;
  return createClipTokenizer({
    vocabSize,
    contextLength: Math.min(contextLength, options.contextLength ?? contextLength),
    padId: padTokenId,
    clean: options.cleaning ?? "lower",
    fillsContext: readsPadding(tower),
  });
}

async function readFiles(read: ReadTokenizerFile, readBytes: ReadTokenizerBytes | undefined): Promise<TokenizerFiles> {
  const names = tokenizerFileNames;
  const texts = await Promise.all(names.map((name) => read(name)));
  const files: TokenizerFiles = Object.fromEntries(names.map((name, index) => [name, texts[index]]));
  if (hasTokenizer(files) || readBytes === undefined) return files;
  for (const name of sentencePieceNames) {
    const bytes = await readBytes(name);
    if (bytes !== undefined) return { ...files, [name]: bytes };
  }
  return files;
}

/** CLIP's own tokenizer, as the folder says that it is used. */
function clipFromFiles(
  tower: TowerVocabulary,
  files: TokenizerFiles,
  openClip: OpenClipTokenizer | undefined,
): Tokenizer | undefined {
  const vocabSize = readsClips(tower) ? clipVocabularyIn(files) : undefined;
  if (vocabSize === undefined) return undefined;
  const config = configOf(files);
  const said = { cleaning: "lower", ...saying(config, className(config)), ...openClip } as const;
  // CLIP's own steps lower case and make blanks single.
  const cleaning: Cleaning = said.cleaning === "whitespace" ? "lower" : said.cleaning;
  const { contextLength = tower.contextLength } = said;
  return clipTokenizerFor({ ...tower, vocabSize }, { cleaning, contextLength });
}

/** What is known besides the files, open_clip's part of it understood. */
interface Reading extends Pick<OpenTokenizerOptions, "language" | "parseSpecialTokens"> {
  readonly openClip: OpenClipTokenizer | undefined;
}

/** How the files are to be read for a tower, as Hugging Face's libraries or as open_clip would. */
function optionsFor(
  tower: TowerVocabulary,
  files: TokenizerFiles,
  { openClip, language, parseSpecialTokens = false }: Reading,
): FileTokenizerOptions {
  const { kind, contextLength, padTokenId } = tower;
  const config = configOf(files);
  const name = className(config);
  const isSiglip = kind === "siglip";
  // Files that say nothing of their class are read as SigLIP's were.
  const usual = isSiglip && name === undefined ? { cleaning: "siglip" as const } : {};
  const said = { contextLength, ...usual, ...saying(config, name), ...openClip };
  const { cleaning, stripsSeparator } = said;
  return {
    contextLength: Math.min(contextLength, said.contextLength),
    usualClass: kind === "roberta" ? "RobertaTokenizer" : "CLIPTokenizer",
    usualPieceClass: isSiglip && openClip === undefined ? "SiglipTokenizer" : undefined,
    parseSpecialTokens,
    ...(language !== undefined && { language }),
    lowersCase: isSiglip && name === "GemmaTokenizer",
    fillsContext: readsPadding(tower),
    padId: padTokenId,
    stripsSeparator,
    ...(cleaning !== undefined && { cleaning }),
  };
}

/** Refuses ids that the tower has no rows for, and an end token that it does not pool at. */
export function checked(
  tokenizer: Tokenizer,
  { vocabSize, endTokenId, kind = "clip", pooling = "end" }: TowerVocabulary,
): Tokenizer {
  const poolsAtEnd = kind === "clip" && pooling === "end" && endTokenId !== undefined;
  if (poolsAtEnd && endTokenId !== tokenizer.endId) {
    throw new ClipError(
      "unsupported",
      `The tokenizer ends captions with ${tokenizer.endId}, but the text tower pools at ${endTokenId}: ` +
        "correct the end token in the model's config (eos_token_id, in open_clip's eos_id), or bring the " +
        "tokenizer that the tower was trained with.",
      { data: { tokenizer: tokenizer.endId, tower: endTokenId } },
    );
  }
  const encode = (text: string): number[] => {
    const ids = tokenizer.encode(text);
    const beyond = ids.find((id) => id >= vocabSize);
    if (beyond === undefined) return ids;
    throw new ClipError(
      "bad-data",
      `The tokenizer makes the id ${beyond}, but the text tower reads ${vocabSize} of them: bring the ` +
        "tokenizer that the tower was trained with.",
      { data: { id: beyond, vocabSize } },
    );
  };
  return tokenizer.vocabSize <= vocabSize ? tokenizer : { ...tokenizer, encode };
}

/** Whether open_clip takes its own tokenizer, whatever files there are. */
const isBuiltIn = ({ vocabSize }: TowerVocabulary, openClip?: OpenClipTokenizer): boolean =>
  openClip?.isSimple === true && vocabSize === clipVocabSize;

/** Whether CLIP's tokenizer is taken where there are no files. */
const takesClips = ({ vocabSize }: TowerVocabulary, { cutsVocabulary = false }: OpenTokenizerOptions): boolean =>
  cutsVocabulary || vocabSize === clipVocabSize;

/**
 * The tokenizer that a text tower was made for: the one whose files lie in the model's folder, and CLIP's
 * own, which is built in, where they hold CLIP's vocabulary or there are none. Undefined if the files are
 * missing and the vocabulary is not CLIP's.
 * @throws ClipError "bad-data" for broken files, "unsupported" for what is not computed here, "bad-argument" for a
 * language that the tokenizer does not have.
 */
export async function openTokenizer(
  tower: TowerVocabulary,
  read: ReadTokenizerFile,
  options: OpenTokenizerOptions = {},
): Promise<Tokenizer | undefined> {
  const { openClip: textCfg, readBytes } = options;
  const openClip = textCfg === undefined ? undefined : openClipTokenizer(textCfg);
  const isClips = openClip?.name === undefined && takesClips(tower, options);
  const files = isBuiltIn(tower, openClip) ? {} : await readFiles(read, isClips ? undefined : readBytes);
  if (hasTokenizer(files)) return tokenizerOf(tower, files, { ...options, openClip });
  const clips = isClips ? clipTokenizerFor(tower, openClip) : undefined;
  refuseLanguage(options.language, clips === undefined ? "missing" : "CLIP's");
  return clips;
}

/** The tokenizer that the files make, checked against the tower. */
async function tokenizerOf(tower: TowerVocabulary, files: TokenizerFiles, reading: Reading): Promise<Tokenizer> {
  const { createFileTokenizer } = await import("./file-tokenizer.ts");
  return readingTokenizer(() => {
    const clips = reading.parseSpecialTokens === true ? undefined : clipFromFiles(tower, files, reading.openClip);
    if (clips !== undefined) refuseLanguage(reading.language, "CLIP's");
    return checked(clips ?? createFileTokenizer(files, optionsFor(tower, files, reading)), tower);
  });
}
