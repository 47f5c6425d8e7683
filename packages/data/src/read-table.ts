import { ClipError } from "@clip-ts/base";
import { reasonOf } from "./file-access.ts";

/** How values of a table may be quoted: as pandas and RFC 4180 have it, or not at all. */
export type Quoting = "standard" | "none";

/** A row of a table as it is written. */
export interface RawRow {
  /** The line of the file on which it begins, from 1. */
  readonly line: number;
  readonly values: readonly string[];
}

/** Rows, and the line of a quote that no other closes: what comes after it is no row. */
export interface SplitRows {
  readonly rows: readonly RawRow[];
  readonly openQuote?: number;
}

/** How a table is cut into rows. */
export interface SplitOptions {
  /** One character. */
  readonly separator: string;
  readonly quoting: Quoting;
}

function countLines(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

/**
 * Cuts a table into rows and values, as pandas' `read_csv` does. Lines end in LF, CRLF or CR, all of them
 * in one file if it must be; blank lines are no rows. A value that begins with a double quote goes on to
 * the next one, over separators and line ends; two in a row stand for one. What follows the closing
 * quote belongs to the value, and a quote further on is an ordinary character.
 */
export function splitRows(text: string, { separator, quoting }: SplitOptions): SplitRows {
  const escaped = separator.replaceAll(/[\\\]^-]/g, String.raw`\$&`);
  const valueEnd = new RegExp(`[${escaped}\\r\\n]`, "g");
  const blank = separator === "\t" ? " " : separator === " " ? "\t" : " \t";
  const blankLine = new RegExp(`[${blank}]*(?:\\r\\n|\\n|\\r|$)`, "y");
  const rows: RawRow[] = [];
  let at = 0;
  let line = 1;

  const plain = (): string => {
    valueEnd.lastIndex = at;
    const end = valueEnd.exec(text)?.index ?? text.length;
    const value = text.slice(at, end);
    at = end;
    return value;
  };
  /** What stands between quotes, from the first of them; undefined when the second is missing. */
  const quoted = (): string | undefined => {
    let value = "";
    for (let start = at + 1; ; start = at + 1) {
      const close = text.indexOf('"', start);
      if (close === -1) return undefined;
      value += text.slice(start, close);
      at = close + 1;
      if (text[at] !== '"') return value;
      value += '"';
    }
  };
  const isBlank = (): boolean => {
    blankLine.lastIndex = at;
    const found = blankLine.exec(text)?.[0];
    if (found === undefined) return false;
    at += found.length;
    return true;
  };
  /** Steps over a separator or the end of a row. True when the row goes on. */
  const stepOver = (): boolean => {
    const end = text[at];
    at += end === "\r" && text[at + 1] === "\n" ? 2 : 1;
    return end === separator;
  };
  const row = (): string[] | undefined => {
    const values: string[] = [];
    do {
      const inside = quoting === "standard" && text[at] === '"' ? quoted() : "";
      if (inside === undefined) return undefined;
      values.push(inside + plain());
    } while (stepOver());
    return values;
  };

  while (at < text.length) {
    const start = at;
    if (!isBlank()) {
      const values = row();
      if (values === undefined) return { rows, openQuote: line };
      rows.push({ line, values });
    }
    line += countLines(text.slice(start, at));
  }
  return { rows };
}

/** A row of a table, before its columns are looked at. */
export interface TableRow {
  /** Where it stands, for messages: `pairs.csv, line 7`. */
  readonly place: string;
  readonly cells: ReadonlyMap<string, unknown>;
  /** Why it is no row of this table; its cells are then empty. */
  readonly problem?: string;
}

/** A table as it is read. */
export interface Table {
  /** In the order of the file; of a column that is named twice, both. */
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
}

function openQuoteError(path: string, line: number): ClipError {
  return new ClipError(
    "bad-data",
    `${path}: a value on line ${line} or the rows after it opens a double quote that nothing closes; ` +
      'if quotes are part of the text here, set quoting to "none"',
    { data: { path, line } },
  );
}

/**
 * Rows of a csv or tsv file, of which the first holds the names of the columns. A row with too many
 * values has a problem; one with too few lacks the last of them.
 */
export function readDelimited(text: string, path: string, options: SplitOptions): Table {
  const { rows, openQuote } = splitRows(text, options);
  if (openQuote !== undefined) throw openQuoteError(path, openQuote);
  const [header, ...others] = rows;
  const columns = (header?.values ?? []).map((name) => name.trim());
  return { columns, rows: others.map(({ line, values }) => tableRow(columns, values, `${path}, line ${line}`)) };
}

/** The row of a table with such columns: it has a problem if it has too many values, and lacks the last of too few. */
export function tableRow(columns: readonly string[], values: readonly string[], place: string): TableRow {
  if (values.length <= columns.length) {
    return { place, cells: new Map(values.map((value, at) => [columns[at] ?? "", value])) };
  }
  const problem =
    `expected ${columns.length} values (${columns.join(", ")}), found ${values.length}; ` +
    "a value that holds the separator or a line break is put in double quotes";
  return { place, cells: new Map(), problem };
}

function parseObject(line: string): object | string {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    return `is not JSON: ${reasonOf(cause)}`;
  }
  return 'expected a JSON object such as {"image": …}';
}

/** Rows of a jsonl file: one JSON object a line. A line that is none has a problem. */
export function readJsonLines(text: string, path: string): Table {
  const columns = new Set<string>();
  const rows = text.split(/\r\n|\n|\r/).flatMap((line, index): TableRow[] => {
    if (line.trim() === "") return [];
    const place = `${path}, line ${index + 1}`;
    const value = parseObject(line);
    if (typeof value === "string") return [{ place, cells: new Map(), problem: value }];
    for (const name of Object.keys(value)) columns.add(name);
    return [{ place, cells: new Map(Object.entries(value)) }];
  });
  return { columns: [...columns], rows };
}
