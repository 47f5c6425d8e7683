import { ClipError } from "@clip-ts/base";
import type { Cleaning } from "./clean-text.ts";
import { clipVocabSize, fewestIds } from "./vocabulary.ts";

/** How captions become ids. The defaults are those of the released CLIP models. */
export interface ClipTokenizerOptions {
  /** Most tokens of a caption, start and end included; at least 3. Default 77. */
  readonly contextLength?: number;
  /** Ids in all: 514 (bytes only) … 49,408 (default). Less keeps only the first merges. */
  readonly vocabSize?: number;
  /** Fills rows of a batch behind the end token. Default 0, as OpenAI; it is also the id of "!". */
  readonly padId?: number;
  /**
   * Reads "<|startoftext|>" and "<|endoftext|>" inside a caption as the special tokens, as OpenAI
   * does. Default false: they are plain text, so no caption can move the end that CLIP pools at.
   */
  readonly parseSpecialTokens?: boolean;
  /**
   * A cleaning by name. Default true, which is "lower": mojibake and HTML repaired, white space tidied,
   * lower case; false only tidies white space and lowers case.
   */
  readonly clean?: boolean | Cleaning;
  /** Whether every row of a batch is as wide as the context. Default false. */
  readonly fillsContext?: boolean;
}

/** The options with defaults filled in. Throws "bad-config" for numbers out of range. */
export function resolveTokenizerOptions(
  options: ClipTokenizerOptions,
): Required<ClipTokenizerOptions> {
  const { contextLength = 77, vocabSize = clipVocabSize, padId = 0 } = options;
  const { parseSpecialTokens = false, clean = true, fillsContext = false } = options;
  checkInteger("contextLength", contextLength, [3, Number.MAX_SAFE_INTEGER]);
  checkInteger("vocabSize", vocabSize, [fewestIds, clipVocabSize]);
  checkInteger("padId", padId, [0, vocabSize - 1]);
  return { contextLength, vocabSize, padId, parseSpecialTokens, clean, fillsContext };
}

/** Throws "bad-config" unless `value` is a whole number in the range, ends included. */
export function checkInteger(
  name: string,
  value: number,
  [low, high]: readonly [number, number],
): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  const range = high === Number.MAX_SAFE_INTEGER ? `${low} or more` : `from ${low} to ${high}`;
  throw new ClipError(
    "bad-config",
    `${name} must be a whole number ${range}, got ${value}; change the tokenizer's options`,
    { data: { name, value, low, high } },
  );
}
