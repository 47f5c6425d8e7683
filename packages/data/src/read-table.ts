import { ClipError } from "@clip-ts/base";
import { reasonOf } from "./file-access.ts";
import { type SplitOptions, splitRows } from "./split-rows.ts";

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
  return {
    columns,
    rows: others.map(({ line, values }) => {
      const place = `${path}, line ${line}`;
      if (values.length <= columns.length) {
        return { place, cells: new Map(values.map((value, at) => [columns[at] ?? "", value])) };
      }
      const problem =
        `expected ${columns.length} values (${columns.join(", ")}), found ${values.length}; ` +
        "a value that holds the separator or a line break is put in double quotes";
      return { place, cells: new Map(), problem };
    }),
  };
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
