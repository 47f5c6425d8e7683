import { ClipError } from "@clip-ts/base";
import { cleaners, normalizeText, type Cleaning } from "./clean-text.ts";
import {
  encodeBatch,
  resolveTokenizerOptions,
  type BatchOptions,
  type ClipTokenizerOptions,
  type TokenBatch,
} from "./encode-batch.ts";
import { remember } from "./remembered.ts";
import { cacheWords, encodeWord } from "./encode-word.ts";
import { toHuggingFaceFiles } from "./hugging-face-files.ts";
import {
  allTokenTexts,
  byteCharacters,
  endToken,
  startToken,
  wordOrSpecialPattern,
  wordPattern,
} from "./vocabulary.ts";

/** The caption itself. @throws ClipError "bad-argument" unless it is a string. */
export function checkText(text: unknown): string {
  if (typeof text === "string") return text;
  throw new ClipError(
    "bad-argument",
    `A caption must be a string, got ${text === null ? "null" : typeof text}; ` +
      "drop captions that are missing before encoding",
    { data: { type: typeof text } },
  );
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

/**
 * Text of the ids up to the first end token, the start token left out; one blank after each word
 * but the last. Bytes that are no UTF-8, as where a caption was cut, become U+FFFD.
 */
function decodeTokens(ids: ArrayLike<number>, vocabSize: number): string {
  const texts = allTokenTexts();
  const startId = vocabSize - 2;
  const bytes: number[] = [];
  for (const id of Array.from(ids)) {
    checkId(id, vocabSize);
    if (id > startId) break;
    if (id !== startId) pushBytes(bytes, texts[id]!);
  }
  return utf8.decode(Uint8Array.from(bytes)).trimEnd();
}

function pushBytes(bytes: number[], token: string): void {
  const isLast = token.endsWith("</w>");
  const characters = isLast ? token.slice(0, -"</w>".length) : token;
  for (const character of characters) bytes.push(byteOf.get(character)!);
  if (isLast) bytes.push(0x20);
}

function checkId(id: number, vocabSize: number): void {
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return;
  throw new ClipError(
    "bad-argument",
    `A token id must be a whole number from 0 to ${vocabSize - 1}, got ${id}; ` +
      "decode with the tokenizer that made the ids",
    { data: { id, vocabSize } },
  );
}

/** Captions to token ids and back, whatever the vocabulary. */
export interface Tokenizer {
  /** Whether it is CLIP's, which is built in, or was read from files. */
  readonly source: "clip" | "files";
  /** What a text goes through before it is cut into tokens. */
  readonly cleaning: Cleaning;
  /** Whether the separator's id becomes 0, open_clip's `strip_sep_token`. */
  readonly stripsSeparator: boolean;
  /** Number of ids. */
  readonly vocabSize: number;
  /** Most tokens of a caption, start and end included. */
  readonly contextLength: number;
  readonly endId: number;
  /** Fills rows of a batch behind the end token. May be a real token: mask by length, not by id. */
  readonly padId: number;
  /** Start if there is one, the caption's tokens, end; cut to `contextLength`, the last id the end. */
  encode(text: string): number[];
  /** One row of ids for each caption, padded to a common width. */
  encodeBatch(texts: readonly string[], options?: BatchOptions): TokenBatch;
  /** The cleaned text behind the ids up to the first end token, without special tokens. */
  decode(ids: ArrayLike<number>): string;
  /** The files it can be read from again, by name: JSON values, or texts as they are. */
  files(): Readonly<Record<string, object | string>>;
}

/** CLIP's tokenizer, whose last two ids are start and end. */
export interface ClipTokenizer extends Tokenizer {
  readonly startId: number;
  /** `encode`, and which tokens each word of the cleaned text became. */
  encodeWithOffsets(text: string): EncodingWithOffsets;
}

/** A word of the cleaned text and its tokens. */
export interface EncodedWord {
  readonly text: string;
  /** First UTF-16 index in the cleaned text. */
  readonly start: number;
  /** One past the word's last index. */
  readonly end: number;
  /** Position in `ids` of the word's first token. */
  readonly firstToken: number;
  /** Position in `ids` of the word's last token, itself included. */
  readonly lastToken: number;
}

/** Ids with the words they came from; words cut off by the context length are left out. */
export interface EncodingWithOffsets {
  readonly ids: number[];
  readonly words: EncodedWord[];
  readonly cleaned: string;
}

/**
 * The byte-pair tokenizer of CLIP (Radford et al. 2021, arXiv:2103.00020, section 2.4), with
 * OpenAI's text cleaning. Safe to share; it remembers the words it has seen.
 */
export function createClipTokenizer(options: ClipTokenizerOptions = {}): ClipTokenizer {
  const { contextLength, vocabSize, padId, parseSpecialTokens, clean, fillsContext } = resolveTokenizerOptions(options);
  const startId = vocabSize - 2;
  const endId = vocabSize - 1;
  const pattern = parseSpecialTokens ? wordOrSpecialPattern : wordPattern;
  const cleaning = typeof clean === "string" ? clean : "lower";
  const tidy = clean === false ? normalizeText : cleaners[cleaning];
  const prepare = (text: string): string => tidy(checkText(text));
  const idsOf = cacheWords((word): readonly number[] => {
    if (parseSpecialTokens && word === startToken) return [startId];
    if (parseSpecialTokens && word === endToken) return [endId];
    return encodeWord(word, startId);
  });

  const encode = (text: string): number[] => {
    const ids = [startId];
    for (const [word] of prepare(text).matchAll(pattern)) {
      for (const id of idsOf(word)) ids.push(id);
      if (ids.length >= contextLength) break;
    }
    ids.length = Math.min(ids.length, contextLength - 1);
    ids.push(endId);
    return ids;
  };

  const encodeWithOffsets = (text: string): EncodingWithOffsets => {
    const cleaned = prepare(text);
    const words: EncodedWord[] = [];
    let firstToken = 1;
    for (const { 0: word, index: start } of cleaned.matchAll(pattern)) {
      if (firstToken >= contextLength - 1) break;
      const next = firstToken + idsOf(word).length;
      const lastToken = Math.min(next, contextLength - 1) - 1;
      words.push({ text: word, start, end: start + word.length, firstToken, lastToken });
      firstToken = next;
    }
    return { ids: encode(text), words, cleaned };
  };

  const row = { encode, contextLength, padId };
  const tokenizer: ClipTokenizer = {
    source: "clip",
    cleaning,
    stripsSeparator: false,
    vocabSize,
    contextLength,
    startId,
    endId,
    padId,
    encode,
    encodeBatch: (texts, batch) => encodeBatch(row, texts, fillsContext ? {} : batch),
    decode: (ids) => decodeTokens(ids, vocabSize),
    files: () => {
      const padding = fillsContext ? { fillId: padId } : {};
      const facts = { vocabSize, contextLength, startId, endId, cleaning, ...padding };
      return { ...toHuggingFaceFiles(facts) };
    },
    encodeWithOffsets,
  };
  return remember(tokenizer, { kind: "clip", options });
}
