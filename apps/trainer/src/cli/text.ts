import { closest, distance } from "fastest-levenshtein";

/** Width that all output keeps to. */
export const terminalColumns = 80;

/** Breaks a text into lines of at most `width` characters; longer words stay whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Two columns: names left, explanations right and wrapped. */
export function twoColumns(rows: readonly (readonly [name: string, text: string])[]): string {
  const left = Math.min(30, Math.max(...rows.map(([name]) => name.length)) + 4);
  const lines = rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, terminalColumns - left);
    const opening =
      name.length + 4 > left ? [`  ${name}`, " ".repeat(left) + first] : [`  ${name}`.padEnd(left) + first];
    return [...opening, ...rest.map((line) => " ".repeat(left) + line)];
  });
  return lines.join("\n");
}

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

/** A time as a clock shows it: "4:05", "1:02:03". */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A word as a shell takes it: in quotes where it has to be, so that a printed line works when pasted. */
export function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/u.test(word)) return word;
  return process.platform === "win32"
    ? `"${word.replaceAll('"', '""')}"`
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** ' Did you mean "…"?' if a known word is near, else nothing. The prefix is put before the word. */
export function suggestion(word: string, known: readonly string[], prefix = ""): string {
  if (known.length === 0) return "";
  const best = closest(word.toLowerCase(), [...known]);
  const near = distance(word.toLowerCase(), best.toLowerCase()) <= Math.max(2, word.length / 3);
  return near ? ` Did you mean "${prefix}${best}"?` : "";
}
