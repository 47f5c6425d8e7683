import { ClipError } from "@clip-ts/base";
import { checkInteger } from "./tokenizer-options.ts";

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
