import { checkText } from "./check-text.ts";
import { cleaners, normalizeText, type Cleaning } from "./clean-text.ts";
import { decodeTokens } from "./decode-tokens.ts";
import { encodeBatch, type BatchOptions, type TokenBatch } from "./encode-batch.ts";
import { encodeWord } from "./encode-word.ts";
import { toHuggingFaceFiles } from "./hugging-face-files.ts";
import { resolveTokenizerOptions, type ClipTokenizerOptions } from "./tokenizer-options.ts";
import { cacheWords } from "./word-cache.ts";
import { endToken, startToken, wordOrSpecialPattern, wordPattern } from "./word-pattern.ts";

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
  const { contextLength, vocabSize, padId, parseSpecialTokens, clean, fillsContext } =
    resolveTokenizerOptions(options);
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
  return {
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
}
