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
export function resolveTokenizerOptions(options: ClipTokenizerOptions): Required<ClipTokenizerOptions> {
  const { contextLength = 77, vocabSize = clipVocabSize, padId = 0 } = options;
  const { parseSpecialTokens = false, clean = true, fillsContext = false } = options;
  checkInteger("contextLength", contextLength, [3, Number.MAX_SAFE_INTEGER]);
  checkInteger("vocabSize", vocabSize, [fewestIds, clipVocabSize]);
  checkInteger("padId", padId, [0, vocabSize - 1]);
  return { contextLength, vocabSize, padId, parseSpecialTokens, clean, fillsContext };
}

/** Throws "bad-config" unless `value` is a whole number in the range, ends included. */
export function checkInteger(name: string, value: number, [low, high]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  const range = high === Number.MAX_SAFE_INTEGER ? `${low} or more` : `from ${low} to ${high}`;
  throw new ClipError(
    "bad-config",
    `${name} must be a whole number ${range}, got ${value}; change the tokenizer's options`,
    { data: { name, value, low, high } },
  );
}

/** Captions as rows of ids, ready to become a tensor [batch, tokens] of type int32. */
export interface TokenBatch {
  /** Row-major [batch, tokens]. */
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly tokens: number;
  /** Tokens of each caption, start and end included, before padding: [batch]. */
  readonly lengths: Int32Array;
}

/** How wide the rows of a batch are. */
export interface BatchOptions {
  /** Width of every row, or its upper bound if `multiple` is given. Default: the context length. */
  readonly tokens?: number;
  /**
   * Rows as wide as the longest caption, rounded up to this multiple. Causal attention makes the
   * features the same as at full width; a multiple of 8 saves most of the text tower's work.
   */
  readonly multiple?: number;
}

interface RowEncoder {
  readonly contextLength: number;
  readonly padId: number;
  encode(text: string): number[];
}

/** Encodes each caption, cuts it to the width (its last id stays the end) and pads it. */
export function encodeBatch(
  { encode, contextLength, padId }: RowEncoder,
  texts: readonly string[],
  { tokens: widest = contextLength, multiple }: BatchOptions = {},
): TokenBatch {
  checkList(texts);
  checkInteger("tokens", widest, [3, contextLength]);
  const rows = texts.map((text) => cutRow(encode(text), widest));
  const lengths = Int32Array.from(rows, (row) => row.length);
  const tokens = multiple === undefined ? widest : roundUp(lengths, multiple, widest);
  const inputIds = new Int32Array(rows.length * tokens).fill(padId);
  for (const [index, row] of rows.entries()) inputIds.set(row, index * tokens);
  return { inputIds, batch: rows.length, tokens, lengths };
}

function cutRow(row: number[], widest: number): number[] {
  if (row.length <= widest) return row;
  return [...row.slice(0, widest - 1), row.at(-1)!];
}

function roundUp(lengths: Int32Array, multiple: number, widest: number): number {
  checkInteger("multiple", multiple, [1, Number.MAX_SAFE_INTEGER]);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  return Math.min(Math.ceil(longest / multiple) * multiple, widest);
}

function checkList(texts: unknown): void {
  if (Array.isArray(texts)) return;
  throw new ClipError(
    "bad-argument",
    `A batch is an array of captions, got ${typeof texts}; wrap a single caption in [ ]`,
    { data: { type: typeof texts } },
  );
}
