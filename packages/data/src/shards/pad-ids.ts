/** How wide the rows of a batch are. */
export interface IdPadding {
  /** Rows are as wide as the longest, rounded up to this multiple. */
  readonly bucketMultiple: number;
  /** No row is wider. */
  readonly contextLength: number;
  readonly padId: number;
}

/** The width of rows that hold ids of these lengths. */
export function widthOf(lengths: Iterable<number>, { bucketMultiple, contextLength }: IdPadding): number {
  let longest = 1;
  for (const length of lengths) longest = Math.max(longest, length);
  return Math.min(Math.ceil(longest / bucketMultiple) * bucketMultiple, contextLength);
}

/** Ids cut to a width, the last one still the end, as tokenizers cut them. */
function cutIds(ids: Int32Array, width: number): Int32Array {
  if (ids.length <= width) return ids;
  const kept = ids.slice(0, width);
  kept[width - 1] = ids.at(-1)!;
  return kept;
}

/** Rows of ids side by side, padded: [rows, width]. */
export function padIds(rows: readonly Int32Array[], width: number, padId: number): Int32Array {
  const inputIds = new Int32Array(rows.length * width).fill(padId);
  for (const [row, ids] of rows.entries()) inputIds.set(cutIds(ids, width), row * width);
  return inputIds;
}
