/** Rows `start` to `end` of a batch. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Cuts the rows of a batch into micro-batches as even as can be; no more of them than rows. */
export function rowRanges(rows: number, parts: number): RowRange[] {
  const count = Math.min(rows, parts);
  return Array.from({ length: count }, (_, part) => ({
    start: Math.round((part * rows) / count),
    end: Math.round(((part + 1) * rows) / count),
  }));
}
