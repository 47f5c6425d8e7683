import { ClipError } from "@clip-ts/base";
import Papa from "papaparse";

/** A row of a table, before its columns are looked at. */
export interface TableRow {
  /** Where it stands, for messages: `pairs.csv, row 7`. */
  readonly place: string;
  readonly cells: ReadonlyMap<string, unknown>;
}

/** Rows of a csv or tsv file: RFC 4180 quoting, the first row holds the names of the columns. */
export function readDelimited(text: string, path: string, delimiter: string): TableRow[] {
  const { data, errors } = Papa.parse(text, { delimiter, skipEmptyLines: "greedy" });
  const [header = [], ...rows] = data;
  const [problem] = errors;
  if (problem !== undefined) {
    const row = problem.row === undefined ? "" : `, row ${problem.row + 1}`;
    throw new ClipError("bad-data", `${path}${row}: ${problem.message}`);
  }
  const columns = header.map((name) => name.trim());
  const repeated = columns.find((name, index) => columns.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw new ClipError("bad-data", `${path}: the header names the column "${repeated}" twice`);
  }
  return rows.map((values, index) => {
    const place = `${path}, row ${index + 2}`;
    if (values.length !== columns.length) {
      throw new ClipError(
        "bad-data",
        `${place}: expected ${columns.length} values (${columns.join(", ")}), found ${values.length}; ` +
          "a value that holds the delimiter or a line break is put in double quotes",
      );
    }
    return { place, cells: new Map(columns.map((name, column) => [name, values[column]])) };
  });
}

function parseObject(line: string, place: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new ClipError("bad-data", `${place} is not JSON: ${String(cause)}`, { cause });
  }
  throw new ClipError("bad-data", `${place}: expected a JSON object such as {"image": …}`);
}

/** Rows of a jsonl file: one JSON object a line. */
export function readJsonLines(text: string, path: string): TableRow[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const place = `${path}, line ${index + 1}`;
    return [{ place, cells: new Map(Object.entries(parseObject(line, place))) }];
  });
}
