import { ClipError } from "@clip-ts/base";
import { type FileSourceOptions, loadImageFile, readText } from "./file-access.ts";
import { type PairRecord, type PairSource, pairSource } from "./pair-source.ts";
import { extensionOf, folderOf, joinPath } from "./paths.ts";
import { readDelimited, readJsonLines, type TableRow } from "./read-table.ts";

/** How a table is written. */
export type TableFormat = "csv" | "tsv" | "jsonl";

/** Options of tableSource. */
export interface TableSourceOptions extends FileSourceOptions {
  readonly path: string;
  /** By default the file's ending. */
  readonly format?: TableFormat;
  /** By default `filepath`, `image` or `file_name`, whichever the table has. */
  readonly imageColumn?: string;
  /** By default `title`, `caption` or `text`, whichever the table has. */
  readonly captionColumn?: string;
  /** By default "," for csv and a tab for tsv. */
  readonly delimiter?: string;
}

const imageColumns = ["filepath", "image", "file_name"];
const captionColumns = ["title", "caption", "text"];

function formatOf({ path, format }: TableSourceOptions): TableFormat {
  if (format !== undefined) return format;
  const ending = extensionOf(path).slice(1);
  if (ending === "csv" || ending === "tsv" || ending === "jsonl") return ending;
  throw new ClipError(
    "bad-config",
    `cannot tell what kind of table ${path} is: name it .csv, .tsv or .jsonl, or set the format`,
  );
}

async function readRows(options: TableSourceOptions): Promise<TableRow[]> {
  const { files, path } = options;
  const format = formatOf(options);
  const text = await readText(files, path);
  const { delimiter = format === "tsv" ? "\t" : "," } = options;
  const rows =
    format === "jsonl" ? readJsonLines(text, path) : readDelimited(text, path, delimiter);
  if (rows.length > 0) return rows;
  const expected = format === "jsonl" ? "one JSON object a line" : "a header and rows below it";
  throw new ClipError("bad-data", `${path} holds no pair; expected ${expected}`);
}

/** A header that came out as one column was probably cut at the wrong character. */
function delimiterHint(columns: readonly string[]): string {
  const found = columns.length === 1 ? /[\t;|,]/.exec(columns[0] ?? "")?.[0] : undefined;
  if (found === undefined) return "";
  return `. The header looks separated by ${found === "\t" ? "tabs" : `"${found}"`}: set the delimiter or the format`;
}

function chooseColumn(row: TableRow, path: string, wanted: readonly string[]): string {
  const columns = [...row.cells.keys()];
  const chosen = wanted.find((name) => row.cells.has(name));
  if (chosen !== undefined) return chosen;
  const names = (list: readonly string[]): string => list.map((name) => `"${name}"`).join(", ");
  const expected = wanted.length === 1 ? names(wanted) : `one of ${names(wanted)}`;
  throw new ClipError(
    "bad-data",
    `${path}: expected a column ${expected}; it has ${names(columns)}${delimiterHint(columns)}`,
    { data: { path, wanted, columns } },
  );
}

function textsIn(row: TableRow, column: string): string[] {
  const cell = row.cells.get(column);
  const values: readonly unknown[] = Array.isArray(cell) ? cell : [cell];
  const isText = (value: unknown): value is string =>
    typeof value === "string" && value.trim() !== "";
  if (values.length > 0 && values.every(isText)) return values.map((value) => value.trim());
  throw new ClipError(
    "bad-data",
    `${row.place}: expected text in "${column}", found ${JSON.stringify(cell) ?? "nothing"}`,
  );
}

function imageIn(row: TableRow, column: string): string {
  const [image = "", ...others] = textsIn(row, column);
  if (others.length === 0) return image;
  throw new ClipError("bad-data", `${row.place}: expected one image in "${column}", found a list`);
}

/**
 * Pairs from a csv, tsv or jsonl file. Image paths are relative to the table's folder; rows of one
 * image, and lists of captions in jsonl, become one record with several captions.
 */
export async function tableSource(options: TableSourceOptions): Promise<PairSource> {
  const { path, imageColumn, captionColumn } = options;
  const rows = await readRows(options);
  const [first] = rows as [TableRow, ...TableRow[]];
  const image = chooseColumn(first, path, imageColumn === undefined ? imageColumns : [imageColumn]);
  const caption = chooseColumn(
    first,
    path,
    captionColumn === undefined ? captionColumns : [captionColumn],
  );

  const captionsByImage = new Map<string, Set<string>>();
  for (const row of rows) {
    const key = imageIn(row, image);
    const captions = captionsByImage.get(key) ?? new Set();
    for (const text of textsIn(row, caption)) captions.add(text);
    captionsByImage.set(key, captions);
  }
  const records = Array.from(captionsByImage, ([key, captions]): PairRecord => {
    const file = joinPath(folderOf(path), key);
    return {
      key,
      captions: [...captions],
      path: file,
      loadImage: () => loadImageFile(options, file),
    };
  });
  return pairSource(path, records);
}
