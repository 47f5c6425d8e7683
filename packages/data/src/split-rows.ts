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
