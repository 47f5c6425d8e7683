import { ClipError } from "@clip-ts/base";
import type { ByteReader } from "../byte-reader.ts";
import { createTally, type LeftOut } from "../left-out.ts";
import { splitRows, type Quoting } from "../read-table.ts";
import type { TableFormat } from "../table-source.ts";
import { createRowScanner, type RowForm, type RowRange } from "./scan-rows.ts";

/** How a table is written. */
export interface TableForm {
  readonly format: TableFormat;
  /** One character of ASCII; by default "," for csv and a tab for tsv. */
  readonly separator?: string | undefined;
  /** "none" where double quotes are part of the text; "standard" by default. */
  readonly quoting?: Quoting | undefined;
}

/** Where a table's rows lie: blocks of them, which are read one by one. */
export interface TableScan {
  /** Names of the columns; none of jsonl, where each row has its own. */
  readonly columns: readonly string[];
  /** In the order of the file; 4,096 rows each but for the last, or one before a row that is left out. */
  readonly blocks: readonly RowRange[];
  /** Rows of all blocks. */
  readonly rows: number;
  readonly leftOut: readonly LeftOut[];
}

/** Rows of a block: a shard of a table. */
const blockRows = 4096;

/** A longer row is damage, mostly a quote that was never closed. */
const longestRow: number = 2 ** 24;

/** Bytes read at a time. */
const piece = 2 ** 20;

/** The separator of a form; a tab or a comma by default. @throws ClipError "bad-config" for one of several bytes. */
export function separatorOf({ format, separator }: TableForm): string {
  const chosen = separator ?? (format === "tsv" ? "\t" : ",");
  if (/^[\u0001-\u007f]$/.test(chosen) && !/["\r\n]/.test(chosen)) return chosen;
  throw new ClipError(
    "bad-config",
    `separator must be one character of ASCII, neither a double quote nor a line break, got ${JSON.stringify(chosen)}`,
  );
}

/** How a scanner finds the rows of a table. */
export function rowFormOf(form: TableForm): RowForm {
  if (form.format === "jsonl") return { isQuoted: false };
  return { separator: separatorOf(form).charCodeAt(0), isQuoted: form.quoting !== "none" };
}

function checkEncoding(start: Uint8Array, label: string): number {
  const [first, second, third] = start;
  if (first === 0xef && second === 0xbb && third === 0xbf) return 3;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new ClipError("unsupported", `${label} is UTF-16 text: save it as UTF-8`);
  }
  if (first === 0x1f && second === 0x8b) throw new ClipError("unsupported", `${label} is packed by gzip: unpack it`);
  return 0;
}

async function scanFrom(
  source: ByteReader,
  form: RowForm,
  options: { readonly start: number; readonly rowsPerRange: number; readonly most?: number },
): Promise<{ ranges: RowRange[]; long: { start: number; end: number }[]; open: number | undefined }> {
  const { start, rowsPerRange, most = Number.POSITIVE_INFINITY } = options;
  const ranges: RowRange[] = [];
  const long: { start: number; end: number }[] = [];
  const sink = {
    rowsPerRange,
    longestRow,
    range: (range: RowRange) => void ranges.push(range),
    tooLong: (from: number, to: number) => void long.push({ start: from, end: to }),
  };
  const scanner = createRowScanner(form, sink, start);
  let at = start;
  while (at < source.size && ranges.length + long.length < most) {
    const bytes = await source.read(at, piece);
    if (bytes.byteLength === 0) break;
    scanner.push(bytes);
    at += bytes.byteLength;
  }
  const open = scanner.end();
  return { ranges, long, open };
}

function openQuoteError(label: string, at: number): ClipError {
  return new ClipError(
    "bad-data",
    `${label}: the row at byte ${at} or a row after it opens a double quote that nothing closes; ` +
      'if quotes are part of the text here, set quoting to "none"',
    { data: { path: label, at } },
  );
}

async function readHeader(source: ByteReader, form: TableForm, start: number, label: string) {
  const { ranges, open } = await scanFrom(source, rowFormOf(form), { start, rowsPerRange: 1, most: 1 });
  const [header] = ranges;
  if (header === undefined && open !== undefined) throw openQuoteError(label, open);
  if (header === undefined) throw new ClipError("bad-data", `${label} holds no pair; expected a header and rows below`);
  const text = new TextDecoder().decode(await source.read(header.start, header.end - header.start));
  const [row] = splitRows(text, { separator: separatorOf(form), quoting: form.quoting ?? "standard" }).rows;
  return { columns: (row?.values ?? []).map((name) => name.trim()), end: header.end };
}

/**
 * Finds the rows of a table of any size in one pass, by the rules of `tableSource`, in memory that grows by 100
 * bytes a block. Rows of more than 16 MiB are left out and counted.
 * @throws ClipError "bad-data" for a table without rows, or with a quote that nothing closes.
 */
export async function scanTable(source: ByteReader, label: string, form: TableForm): Promise<TableScan> {
  const start = checkEncoding(await source.read(0, 3), label);
  const isTable = form.format !== "jsonl";
  const { columns, end } = isTable ? await readHeader(source, form, start, label) : { columns: [], end: start };
  const { ranges, long, open } = await scanFrom(source, rowFormOf(form), { start: end, rowsPerRange: blockRows });
  if (open !== undefined) throw openQuoteError(label, open);
  const tally = createTally();
  for (const row of long) {
    tally.add(
      "bad-row",
      `${label}, byte ${row.start}`,
      `has ${row.end - row.start} bytes, at most ${longestRow} are read`,
    );
  }
  const rows = ranges.reduce((sum, range) => sum + range.rows, 0);
  if (rows === 0) throw new ClipError("bad-data", `${label} holds no pair; expected rows`, { data: { path: label } });
  return { columns, blocks: ranges, rows, leftOut: tally.list() };
}
