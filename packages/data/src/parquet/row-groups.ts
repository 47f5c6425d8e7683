import { ClipError, isClipError } from "@clip-ts/base";
import type { FileMetaData, SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { parquetMetadataAsync, parquetSchema } from "hyparquet/src/metadata.js";
import { getTreePath } from "hyparquet/src/schema.js";
import type { ByteReader } from "../byte-reader.ts";
import { reasonOf } from "../file-access.ts";
import type { Texts } from "../shards/shard-set.ts";
import { columnPages, type ColumnDecoder, type ColumnPlace, type PageValues } from "./column-pages.ts";
import {
  chooseColumns,
  type ChosenColumn,
  type ChosenColumns,
  type ParquetColumns,
  type RowGroupFacts,
} from "./parquet-columns.ts";

/** What a row says where its image is: bytes of a file, a part of the Parquet file, where another file lies, or nothing. */
export type RowImage = Uint8Array | { readonly offset: number; readonly length: number } | string | undefined;

/** A row group whose rows can be read. */
export interface RowGroup {
  readonly rows: number;
  /** The texts of all rows, in order. */
  texts(): Promise<readonly Texts[]>;
  /** The images of all rows, in order, a page in memory at a time. */
  images(): AsyncGenerator<RowImage>;
}

/** A Parquet file as its footer describes it. */
export interface ParquetFile {
  /** Rows of each row group. */
  readonly rows: readonly number[];
  /** A row group. @throws ClipError "unsupported" for one that is too large to be read. */
  rowGroup(index: number): RowGroup;
}

/** But for Snappy, which hyparquet unpacks itself: as fast, and without a copy that WebAssembly would keep. */
const { SNAPPY: _, ...unpackers } = compressors;

/** A row group above it would need too long until its first image, and too much room. */
const largestGroup = 2 ** 30;

/** Texts of a row group are in memory at once. */
const largestTexts = 2 ** 28;

/** No row group has more rows: a footer that says so is damaged. */
const mostRows = 2 ** 24;

function unreadable(label: string, cause: unknown): ClipError {
  if (isClipError(cause)) return cause;
  return new ClipError("bad-data", `${label} cannot be read as Parquet: ${reasonOf(cause)}`, { cause });
}

async function readFooter(source: ByteReader, label: string): Promise<FileMetaData> {
  const slice = async (start: number, end = source.size): Promise<ArrayBuffer> => {
    const bytes = await source.read(start, end - start);
    return Uint8Array.from(bytes).buffer;
  };
  try {
    return await parquetMetadataAsync({ byteLength: source.size, slice }, { geoparquet: false });
  } catch (cause) {
    throw unreadable(label, cause);
  }
}

function rowsOf({ num_rows: found }: RowGroupFacts, label: string): number {
  const rows = Number(found);
  if (Number.isInteger(rows) && rows >= 0 && rows <= mostRows) return rows;
  throw new ClipError("bad-data", `${label}: expected at most ${mostRows} rows in a row group, it says ${found}`);
}

/** What the footer says of a column of a row group; undefined if it lacks it. */
function metaOf(group: RowGroupFacts, { path }: ChosenColumn) {
  const name = path.join("\0");
  return group.columns.find(({ meta_data: meta }) => meta?.path_in_schema.join("\0") === name)?.meta_data;
}

function placeOf(group: RowGroupFacts, schema: SchemaTree, wanted: ChosenColumn, label: string): ColumnPlace {
  const meta = metaOf(group, wanted);
  const schemaPath = getTreePath(schema, [...wanted.path]);
  const leaf = schemaPath.at(-1);
  if (meta === undefined || leaf === undefined) {
    throw new ClipError("bad-data", `${label} lacks the column ${wanted.path.join(".")}`);
  }
  // a dictionary's page comes first, where there is one; polars leaves its place out
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const decoder: ColumnDecoder = {
    ...meta,
    pathInSchema: [...wanted.path],
    element: leaf.element,
    schemaPath,
    compressors: unpackers,
    parsers: DEFAULT_PARSERS,
  };
  const end = start + Number(meta.total_compressed_size);
  return { start, end, decoder, label: `${label}, column ${wanted.path.join(".")}` };
}

/** The value in lists that stand for the struct around it. */
function innermost(value: unknown): unknown {
  return Array.isArray(value) ? innermost(value[0]) : value;
}

function imageOf(value: unknown, holds: "bytes" | "path", offsetOf: PageValues["offsetOf"]): RowImage {
  const inner = innermost(value);
  if (holds === "path") return typeof inner === "string" && inner.trim() !== "" ? inner.trim() : undefined;
  if (!(inner instanceof Uint8Array) || inner.byteLength === 0) return undefined;
  const offset = offsetOf(inner);
  return offset === undefined ? inner : { offset, length: inner.byteLength };
}

/** Texts by the names of their columns; of lists `name.0` and so on. */
function addTexts(into: Record<string, string>, { name, isList }: ChosenColumn, value: unknown): void {
  const values = (Array.isArray(value) ? value.flat(8) : [value]) as unknown[];
  for (const [at, said] of values.entries()) {
    if (typeof said === "string") into[isList ? `${name}.${at}` : name] = said;
  }
}

/** What is read of a row group. */
interface Columns {
  readonly source: ByteReader;
  readonly rows: number;
  readonly image: ColumnPlace & { readonly holds: "bytes" | "path" };
  readonly captions: readonly { readonly column: ChosenColumn; readonly place: ColumnPlace }[];
}

async function* imagesOf({ source, rows, image }: Columns): AsyncGenerator<RowImage> {
  let row = 0;
  try {
    for await (const { values, offsetOf } of columnPages(source, image)) {
      for (let at = 0; at < values.length && row < rows; at++, row++) {
        yield imageOf(values[at], image.holds, offsetOf);
      }
    }
  } catch (cause) {
    throw unreadable(image.label, cause);
  }
  for (; row < rows; row++) yield undefined;
}

async function textsOf({ source, rows, captions }: Columns): Promise<Texts[]> {
  const texts = Array.from({ length: rows }, (): Record<string, string> => ({}));
  for (const { column, place } of captions) {
    let row = 0;
    try {
      for await (const { values } of columnPages(source, place, column.isList)) {
        for (let at = 0; at < values.length && row < rows; at++, row++) {
          addTexts(texts[row] ?? {}, column, values[at]);
        }
      }
    } catch (cause) {
      throw unreadable(place.label, cause);
    }
  }
  return texts;
}

/** Bytes of a column once it is unpacked. */
const unpackedBytes = (group: RowGroupFacts, column: ChosenColumn): number =>
  Number(metaOf(group, column)?.total_uncompressed_size ?? 0);

function checkSize(group: RowGroupFacts, { image, captions }: ChosenColumns, label: string): void {
  const images = unpackedBytes(group, image);
  const texts = captions.reduce((sum, column) => sum + unpackedBytes(group, column), 0);
  if (images <= largestGroup && texts <= largestTexts) return;
  const [what, bytes, most] = images > largestGroup ? ["images", images, largestGroup] : ["texts", texts, largestTexts];
  throw new ClipError(
    "unsupported",
    `${label} has ${bytes} bytes of ${what}, at most ${most} are read: write the file again in smaller row groups, ` +
      "in Python pq.write_table(pq.read_table(path), other, row_group_size=100)",
    { data: { path: label, bytes, most } },
  );
}

/** See `openParquet`. */
export async function readParquet(source: ByteReader, label: string, columns: ParquetColumns): Promise<ParquetFile> {
  const metadata = await readFooter(source, label);
  const groups = metadata.row_groups;
  const schema = schemaOf(metadata, label);
  const chosen = chooseColumns(schema, columns, label);
  return {
    rows: groups.map((group) => rowsOf(group, label)),
    rowGroup(index) {
      const group = groups[index];
      if (group === undefined) throw new ClipError("bad-argument", `${label} has ${groups.length} row groups`);
      const name = `${label}, row group ${index}`;
      checkSize(group, chosen, name);
      const { image, captions } = chosen;
      const place = placeOf(group, schema, image, name);
      const decoder = { ...place.decoder, utf8: image.holds === "path" };
      const own: Columns = {
        source,
        rows: rowsOf(group, label),
        image: { ...place, decoder, holds: image.holds },
        captions: captions.map((column) => ({ column, place: placeOf(group, schema, column, name) })),
      };
      return { rows: own.rows, texts: () => textsOf(own), images: () => imagesOf(own) };
    },
  };
}

function schemaOf(metadata: FileMetaData, label: string): SchemaTree {
  try {
    return parquetSchema(metadata);
  } catch (cause) {
    throw unreadable(label, cause);
  }
}
