import { readJsonLines, splitRows, tableRow, type TableRow } from "../read-table.ts";
import type { Texts } from "../shards/shard-set.ts";
import { createRowScanner, type RowRange } from "./scan-rows.ts";
import { rowFormOf, separatorOf, type TableForm, type TableScan } from "./scan-table.ts";

/** What a row says: where its image lies, and all texts by the names of their columns; or why it says nothing. */
export type TableSample =
  | { readonly image: string; readonly texts: Texts }
  | { readonly reason: string; readonly texts: Texts };

/** A block of rows in memory. */
export interface TableBlock {
  readonly rows: number;
  /** A row of it, from 0. */
  row(index: number): TableSample;
  /** Whether all its bytes are UTF-8; what is not becomes U+FFFD. */
  readonly isUtf8: boolean;
}

/** How rows of a block are read. */
export interface TableBlockOptions extends TableForm {
  /** Names the table in messages. */
  readonly label: string;
  readonly columns: TableScan["columns"];
  /** Number of the block's first row in the table, from 0. */
  readonly firstRow: number;
  /** The column of paths; by default the first usual name that the row has. */
  readonly image?: string | readonly string[] | undefined;
}

/** Names of columns that hold paths of images, the first that a table has counts. */
export const usualImageColumns: readonly string[] = [
  "filepath",
  "image",
  "file_name",
  "image_path",
  "path",
  "img",
  "jpg",
];

const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Texts of cells; of lists `name.0` and so on, as in lists of Parquet. */
function textsOf(cells: ReadonlyMap<string, unknown>, image: string | undefined): Texts {
  const texts: Record<string, string> = {};
  for (const [name, value] of cells) {
    if (name === image) continue;
    if (typeof value === "string") texts[name] = value;
    else if (Array.isArray(value)) {
      for (const [at, said] of value.entries()) if (typeof said === "string") texts[`${name}.${at}`] = said;
    }
  }
  return texts;
}

function sampleOf({ cells, problem, place }: TableRow, wanted: readonly string[]): TableSample {
  if (problem !== undefined) return { reason: `${place}: ${problem}`, texts: {} };
  const column = wanted.find((name) => cells.has(name));
  const texts = textsOf(cells, column);
  const path = column === undefined ? undefined : cells.get(column);
  if (typeof path === "string" && path.trim() !== "") return { image: path.trim(), texts };
  return { reason: `${place}: expected the path of an image in ${wanted.join(", ")}`, texts };
}

/** Opens a block that `scanTable` found: its rows are cut at once, and read when they are asked for. */
export function openTableBlock(bytes: Uint8Array, options: TableBlockOptions): TableBlock {
  const { label, columns, firstRow, image = usualImageColumns, quoting = "standard" } = options;
  const wanted = typeof image === "string" ? [image] : image;
  const ranges: RowRange[] = [];
  const sink = { rowsPerRange: 1, longestRow: Infinity, range: (range: RowRange) => void ranges.push(range) };
  const scanner = createRowScanner(rowFormOf(options), { ...sink, tooLong: () => undefined });
  scanner.push(bytes);
  scanner.end();
  const read = (text: string): TableRow | undefined => {
    if (options.format === "jsonl") return readJsonLines(text, label).rows[0];
    const [row] = splitRows(text, { separator: separatorOf(options), quoting }).rows;
    return row && tableRow(columns, row.values, label);
  };
  return {
    rows: ranges.length,
    isUtf8: isUtf8(bytes),
    row(index) {
      const { start, end } = ranges[index] ?? { start: 0, end: 0 };
      const place = `${label}, row ${firstRow + index + 1}`;
      const row = read(lenient.decode(bytes.subarray(start, end)));
      return row === undefined ? { reason: `${place} is empty`, texts: {} } : sampleOf({ ...row, place }, wanted);
    },
  };
}
