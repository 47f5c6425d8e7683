import { ClipError, shown } from "@clip-ts/base";
import type { FileMetaData, SchemaTree } from "hyparquet";
import { usualCaptions } from "../captions/choose.ts";

/** Which columns are read. */
export interface ParquetColumns {
  /** The image: bytes, a struct with `bytes`, or a path; by default the first usual name that the file has. */
  readonly image?: string | readonly string[] | undefined;
  /**
   * The captions: texts, or lists of them (`captions`, of which `captions.0` is the first). By default those of
   * usual names, or, where the file has none, every column of texts.
   */
  readonly captions?: readonly string[] | undefined;
}

/** A column that is read: the leaf of the schema that holds it. */
export interface ChosenColumn {
  /** The column's name at the first level. */
  readonly name: string;
  /** From the column down to its leaf. */
  readonly path: readonly string[];
  readonly isList: boolean;
}

/** The columns of an image and its captions. */
export interface ChosenColumns {
  /** Bytes of an image file, or where one lies. */
  readonly image: ChosenColumn & { readonly holds: "bytes" | "path" };
  readonly captions: readonly ChosenColumn[];
}

const usualImages = [
  "image",
  "jpg",
  "jpeg",
  "png",
  "webp",
  "img",
  "image_bytes",
  "bytes",
  "image_path",
  "filepath",
  "file_name",
  "path",
];

/** A name of lists and of every caption's usual name as columns have it: `json.caption` is one of tars. */
const usualTexts = [...usualCaptions.filter((name) => !name.includes(".")), "captions", "alt_text", "caption_0"];

const isText = ({ element }: SchemaTree): boolean =>
  element.type === "BYTE_ARRAY" && (element.converted_type === "UTF8" || element.logical_type?.type === "STRING");
const isBytes = ({ element, children }: SchemaTree): boolean => element.type === "BYTE_ARRAY" && children.length === 0;

/** The leaf of a column of texts, or of lists of texts. */
function textLeaf(column: SchemaTree): ChosenColumn | undefined {
  let leaf = column;
  let isList = leaf.element.repetition_type === "REPEATED";
  for (; leaf.children.length === 1 && leaf.children[0] !== undefined; [leaf] = leaf.children as [SchemaTree]) {
    isList ||= leaf.children[0].element.repetition_type === "REPEATED";
  }
  return isText(leaf) ? { name: column.element.name, path: leaf.path, isList } : undefined;
}

function imageLeaf(column: SchemaTree): ChosenColumns["image"] | undefined {
  const { name } = column.element;
  const bytes = column.children.find((child) => child.element.name === "bytes" && isBytes(child));
  if (bytes !== undefined) return { name, path: bytes.path, isList: false, holds: "bytes" };
  if (!isBytes(column) || column.element.repetition_type === "REPEATED") return undefined;
  return { name, path: column.path, isList: false, holds: isText(column) ? "path" : "bytes" };
}

function noColumn(label: string, wanted: readonly string[], columns: readonly SchemaTree[]): ClipError {
  const names = shown(columns.map(({ element }) => element.name));
  const expected = shown(wanted);
  const message =
    `${label}: expected a column of images (bytes, a struct with bytes, or paths) called one of ${expected}; it ` +
    `has ${names}. Say which by image`;
  return new ClipError("bad-data", message, { data: { path: label, wanted } });
}

/** Chooses among a file's columns. @throws ClipError "bad-data" that names those it has. */
export function chooseColumns(schema: SchemaTree, options: ParquetColumns, label: string): ChosenColumns {
  const { image = usualImages, captions } = options;
  const wanted = typeof image === "string" ? [image] : image;
  const columns = new Map(schema.children.map((column) => [column.element.name, column]));
  const found = wanted.flatMap((name) => {
    const column = columns.get(name);
    return column === undefined ? [] : (imageLeaf(column) ?? []);
  })[0];
  if (found === undefined) throw noColumn(label, wanted, schema.children);
  const texts = schema.children.flatMap((column) => textLeaf(column) ?? []).filter(({ name }) => name !== found.name);
  // `captions.0` names the first text of the list `captions`
  const names = captions?.flatMap((name) => [name, name.replace(/\.\d+$/, "")]) ?? usualTexts;
  const chosen = texts.filter(({ name }) => names.includes(name));
  return { image: found, captions: chosen.length === 0 && captions === undefined ? texts : chosen };
}

/** A row group: how many samples it has, and its columns' bytes. */
export type RowGroupFacts = FileMetaData["row_groups"][number];
