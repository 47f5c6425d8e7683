import { ClipError, shown } from "@clip-ts/base";
import { extensionOf, folderOf, joinPath, loadImageFile, readText, type FileSourceOptions } from "./file-access.ts";
import { createTally, type LeftOutItem } from "./left-out.ts";
import { pairSource, type PairRecord, type PairSource } from "./pair-source.ts";
import { readDelimited, readJsonLines, type Quoting, type Table, type TableRow } from "./read-table.ts";
import { checkSkipped, skipLimit, type MaxSkipped } from "./skipped-images.ts";

/** How a table is written. */
export type TableFormat = "csv" | "tsv" | "jsonl";

/** Options of tableSource. */
export interface TableSourceOptions extends FileSourceOptions {
  /** May be packed by gzip. */
  readonly path: string;
  /** By default the file's ending, before `.gz`. */
  readonly format?: TableFormat;
  /** By default `filepath`, `image` or `file_name`, whichever the table has. */
  readonly imageColumn?: string;
  /** By default `title`, `caption` or `text`, whichever the table has. */
  readonly captionColumn?: string;
  /** One character; by default "," for csv and a tab for tsv. */
  readonly separator?: string;
  /** "none" where double quotes are part of the text; "standard" by default. */
  readonly quoting?: Quoting;
  /** How many rows may be unusable; 1 % but never fewer than 10 by default. */
  readonly maxSkipped?: MaxSkipped;
}

const imageColumns = ["filepath", "image", "file_name"];
const captionColumns = ["title", "caption", "text"];

function formatOf({ path, format }: TableSourceOptions): TableFormat {
  if (format !== undefined) return format;
  const ending = extensionOf(path.replace(/\.gz$/i, "")).slice(1);
  if (ending === "csv" || ending === "tsv" || ending === "jsonl") return ending;
  throw new ClipError(
    "bad-config",
    `cannot tell what kind of table ${path} is: name it .csv, .tsv or .jsonl, or one of these with .gz`,
  );
}

function checkSeparator(separator: string): void {
  if (separator.length === 1 && !/["\r\n]/.test(separator)) return;
  throw new ClipError(
    "bad-config",
    `separator must be one character, neither a double quote nor a line break, got ${shown(separator)}`,
  );
}

async function readTable(options: TableSourceOptions): Promise<Table> {
  const { files, path, quoting = "standard" } = options;
  const format = formatOf(options);
  const { separator = format === "tsv" ? "\t" : "," } = options;
  checkSeparator(separator);
  const text = await readText(files, path);
  const table = format === "jsonl" ? readJsonLines(text, path) : readDelimited(text, path, { separator, quoting });
  if (table.rows.length > 0) return table;
  const expected = format === "jsonl" ? "one JSON object a line" : "a header and rows below it";
  throw new ClipError("bad-data", `${path} holds no pair; expected ${expected}`);
}

/** A header that came out as one column was probably cut at the wrong character. */
function separatorHint(columns: readonly string[]): string {
  const found = columns.length === 1 ? /[\t;|,]/.exec(columns[0] ?? "")?.[0] : undefined;
  if (found === undefined) return "";
  const name = found === "\t" ? "tabs" : `"${found}"`;
  return `. The header looks separated by ${name}: set separator to ${JSON.stringify(found)}`;
}

function chooseColumn({ columns }: Table, path: string, wanted: readonly string[]): string {
  const chosen = wanted.find((name) => columns.includes(name));
  const names = (list: readonly string[]): string => list.map((name) => `"${name}"`).join(", ");
  const expected = wanted.length === 1 ? names(wanted) : `one of ${names(wanted)}`;
  if (chosen === undefined) {
    throw new ClipError(
      "bad-data",
      `${path}: expected a column ${expected}; it has ${names(columns)}${separatorHint(columns)}`,
      { data: { path, wanted, columns } },
    );
  }
  if (columns.indexOf(chosen) === columns.lastIndexOf(chosen)) return chosen;
  throw new ClipError("bad-data", `${path}: the header names the column "${chosen}" twice`);
}

/** What a row of the table says, or why it says nothing. */
type Reading =
  | { readonly image: string; readonly captions: readonly string[]; readonly blank: boolean }
  | { readonly kind: "bad-row" | "empty-caption"; readonly reason: string };

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "string" && value.trim() === "");

/** Reads the row's image and the captions that hold something. */
function readRow({ cells, problem }: TableRow, image: string, caption: string): Reading {
  if (problem !== undefined) return { kind: "bad-row", reason: problem };
  const found = (column: string): string => (cells.has(column) ? shown(cells.get(column)) : "nothing");
  const path = cells.get(image);
  if (typeof path !== "string" || isBlank(path)) {
    return { kind: "bad-row", reason: `expected one image in "${image}", found ${found(image)}` };
  }
  const cell = cells.get(caption);
  const values: readonly unknown[] = Array.isArray(cell) ? cell : [cell];
  const captions = values.filter((value) => !isBlank(value));
  const reason = `expected text in "${caption}", found ${found(caption)}`;
  if (!captions.every((value) => typeof value === "string")) return { kind: "bad-row", reason };
  if (captions.length === 0) return { kind: "empty-caption", reason };
  return {
    image: path.trim(),
    captions: captions.map((text) => text.trim()),
    blank: captions.length < values.length,
  };
}

/**
 * Pairs from a csv, tsv or jsonl file. Image paths are relative to the table's folder; rows of one
 * image, and lists of captions in jsonl, become one record with several captions. Values are text as it
 * stands, "NA" and "007" among them, without blanks around it. Rows that say nothing are left out and
 * counted; more of them than `maxSkipped` are an error that names the first five.
 */
export async function tableSource(options: TableSourceOptions): Promise<PairSource> {
  const { path, imageColumn, captionColumn, maxSkipped } = options;
  const table = await readTable(options);
  const choose = (name: string | undefined, usual: readonly string[]): string =>
    table.columns.length === 0 ? "" : chooseColumn(table, path, name === undefined ? usual : [name]);
  const image = choose(imageColumn, imageColumns);
  const caption = choose(captionColumn, captionColumns);

  const tally = createTally();
  const skipped: LeftOutItem[] = [];
  const captionsByImage = new Map<string, Set<string>>();
  for (const row of table.rows) {
    const reading = readRow(row, image, caption);
    if ("kind" in reading) {
      tally.add(reading.kind, row.place, reading.reason);
      skipped.push({ name: row.place, reason: reading.reason });
      continue;
    }
    if (reading.blank) tally.add("empty-caption", row.place, "one of several");
    const captions = captionsByImage.get(reading.image) ?? new Set();
    for (const text of reading.captions) captions.add(text);
    captionsByImage.set(reading.image, captions);
  }
  const total = table.rows.length;
  const limit = skipLimit(total, maxSkipped);
  const what = "rows cannot be used";
  checkSkipped({ label: path, what, total, skipped, limit, kept: captionsByImage.size });

  const records = Array.from(captionsByImage, ([key, captions]): PairRecord => {
    const file = joinPath(folderOf(path), key);
    return {
      key,
      captions: [...captions],
      path: file,
      loadImage: () => loadImageFile(options, file),
    };
  });
  return { ...pairSource(path, records), leftOut: tally.list() };
}
