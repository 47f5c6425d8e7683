/** Cells of a table. */
export interface Table {
  /** Header row first. */
  readonly rows: readonly (readonly string[])[];
  /** Columns of words, which begin flush left; the first if absent. Numbers end flush right. */
  readonly words?: readonly number[];
}

/** A table as lines, two spaces between its columns. */
export function table(rows: Table["rows"], words: NonNullable<Table["words"]> = [0]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return words.includes(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

/** A share as a percentage: "93.1 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
