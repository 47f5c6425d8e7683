import { ClipError, shown } from "@clip-ts/base";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import type { DecodedArray, PageHeader } from "hyparquet";
import type { ByteReader } from "../byte-reader.ts";

/** What hyparquet needs to know of a column. */
export type ColumnDecoder = Parameters<typeof readPage>[2];

/** A column of a row group: where its pages lie, and what reads them. */
export interface ColumnPlace {
  /** First byte of its first page. */
  readonly start: number;
  /** Behind its last page. */
  readonly end: number;
  readonly decoder: ColumnDecoder;
  /** Names file, row group and column in messages. */
  readonly label: string;
}

/** What a page holds: one value a row, nested in lists where the schema is. */
export interface PageValues {
  readonly values: DecodedArray;
  /** Where the bytes of a value lie in the file; undefined where they were packed. */
  offsetOf(value: Uint8Array): number | undefined;
}

/** Most headers have fewer bytes; those with long statistics are read again with more. */
const headerBytes = [2 ** 12, 2 ** 16, 2 ** 22];

/** No page of a real file has more values: what says so is damaged. */
const mostValues = 2 ** 22;

/** A page is unpacked in memory: what has more is refused. pyarrow puts up to 1,024 rows in one, however large. */
const largestPage = 2 ** 29;

function damaged(label: string, what: string): ClipError {
  return new ClipError("bad-data", `${label} cannot be read: ${what}`, { data: { path: label } });
}

async function readHeader(
  source: ByteReader,
  at: number,
  end: number,
): Promise<{ readonly header: PageHeader; readonly bytes: number }> {
  for (const length of headerBytes) {
    const bytes = await source.read(at, Math.min(length, end - at));
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
    try {
      return { header: parquetHeader(reader), bytes: reader.offset };
    } catch (error) {
      if (!(error instanceof RangeError) || bytes.byteLength < length) throw error;
    }
  }
  throw new RangeError("the header of a page has no end");
}

const isFrom0To = (value: number, most: number): boolean => value >= 0 && value <= most;

/** Where a kind of page keeps its own facts, and which of them are counts. */
const ownFacts = {
  DATA_PAGE: ["data_page_header", ["num_values"]],
  DATA_PAGE_V2: [
    "data_page_header_v2",
    ["num_values", "num_nulls", "num_rows", "definition_levels_byte_length", "repetition_levels_byte_length"],
  ],
  DICTIONARY_PAGE: ["dictionary_page_header", ["num_values"]],
} as const;

/** @throws ClipError "bad-data" if the facts of a page of its kind are missing or no counts: decoders would not end. */
function checkFacts(header: PageHeader, label: string): void {
  const kind = Object.hasOwn(ownFacts, header.type) ? ownFacts[header.type as keyof typeof ownFacts] : undefined;
  if (kind === undefined) return;
  const [name, counts] = kind;
  const facts = header[name] as Readonly<Record<string, unknown>> | undefined;
  const isCount = (value: unknown): boolean => Number.isInteger(value) && isFrom0To(value as number, mostValues);
  const wrong = counts.find((count) => !isCount(facts?.[count]));
  if (wrong === undefined) return;
  throw damaged(label, `a page's ${wrong} is ${shown(facts?.[wrong])}, expected a number up to ${mostValues}`);
}

/** @throws ClipError "bad-data" if a page says that it has more than is there, or more than is read. */
function checkHeader(header: PageHeader, room: number, label: string): void {
  const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
  if (!isFrom0To(packed, room)) throw damaged(label, `a page says it has ${packed} bytes, ${room} are left`);
  if (!isFrom0To(unpacked, largestPage)) {
    const remedy = "write it again in smaller row groups (row_group_size=100 of pyarrow)";
    throw damaged(label, `a page has ${unpacked} bytes unpacked, at most ${largestPage} are read: ${remedy}`);
  }
  checkFacts(header, label);
}

/** A page as it is stored, and where its first byte lies. */
interface StoredPage {
  readonly header: PageHeader;
  readonly start: number;
  readonly bytes: Uint8Array;
}

async function* storedPages(source: ByteReader, column: ColumnPlace): AsyncGenerator<StoredPage> {
  for (let at = column.start; at < column.end;) {
    const { header, bytes } = await readHeader(source, at, column.end);
    const start = at + bytes;
    checkHeader(header, column.end - start, column.label);
    at = start + header.compressed_page_size;
    if (header.type === "INDEX_PAGE") continue;
    yield { header, start, bytes: await source.read(start, header.compressed_page_size) };
  }
}

/** Unpacks pages: their values behind those of an earlier page, if there is one; undefined of a dictionary. */
type PageReader = (page: StoredPage, earlier: DecodedArray | undefined) => PageValues | undefined;

/** A reader that remembers the dictionary, and where in the file its bytes and those of pages lie. */
function createPageReader(decoder: ColumnDecoder): PageReader {
  const isPlain = decoder.codec === "UNCOMPRESSED";
  let dictionary:
    | { readonly values: DecodedArray | undefined; readonly buffer: unknown; readonly shift: number }
    | undefined;
  return ({ header, start, bytes }, earlier) => {
    const { buffer, byteOffset, byteLength } = bytes;
    const reader = { view: new DataView(buffer, byteOffset, byteLength), offset: 0 };
    const { data } = readPage(reader, header, decoder, dictionary?.values, earlier, 0);
    const shift = start - byteOffset;
    if (header.type === "DICTIONARY_PAGE") {
      dictionary = { values: data && readable(data, decoder), buffer, shift };
      return undefined;
    }
    const shared = dictionary;
    const offsetOf = (value: Uint8Array): number | undefined => {
      if (!isPlain) return undefined;
      if (value.buffer === buffer) return value.byteOffset + shift;
      return value.buffer === shared?.buffer ? value.byteOffset + shared.shift : undefined;
    };
    return data && { values: data, offsetOf };
  };
}

/**
 * The pages of a column one after another, so that no more than one is in memory, but for a dictionary. A list may
 * go on in the next page: `whole` gives all pages as one.
 * @throws ClipError "bad-data" that names the column; errors of hyparquet.
 */
export async function* columnPages(source: ByteReader, column: ColumnPlace, whole = false): AsyncGenerator<PageValues> {
  const read = createPageReader(column.decoder);
  let all: PageValues | undefined;
  for await (const page of storedPages(source, column)) {
    const found = read(page, all?.values);
    if (found === undefined) continue;
    if (!whole) yield found;
    else if (all === undefined || found.values === all.values) all = found;
    else all = { ...found, values: [...all.values, ...found.values] };
  }
  if (all !== undefined) yield all;
}

const text = new TextDecoder();

/** What a dictionary stands for: texts, where the column has texts. */
function readable(values: DecodedArray, { utf8 = true }: ColumnDecoder): DecodedArray {
  if (!utf8) return values;
  return Array.from(values, (value: unknown) => (value instanceof Uint8Array ? text.decode(value) : value));
}
