import { ClipError } from "@clip-ts/base";
import type { ByteReader } from "../byte-reader.ts";
import type { BytesPlace, SideFile, Unreadable } from "../shards/shard-set.ts";
import { imageEndings, isTextEnding } from "../tar/group.ts";

/** A shard of MosaicML streaming as `index.json` describes it. */
export interface MdsShard {
  /** Of the file, beside `index.json`. */
  readonly name: string;
  readonly bytes: number;
  readonly samples: number;
  readonly columns: readonly MdsColumn[];
}

/** A column of every sample. */
export interface MdsColumn {
  readonly name: string;
  readonly encoding: string;
  /** Bytes of every value; undefined where values differ, and say it themselves. */
  readonly size: number | undefined;
}

/** Which columns are read. */
export interface MdsColumns {
  readonly image?: readonly string[] | undefined;
  readonly captions?: readonly string[] | undefined;
}

/** Encodings whose values are bytes of an image file. */
const imageEncodings: ReadonlySet<string> = new Set(["jpeg", "png", "bytes"]);

type Json = Readonly<Record<string, unknown>>;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function columnsOf(shard: Json, label: string): MdsColumn[] {
  const { column_names: names, column_encodings: encodings, column_sizes: sizes } = shard;
  if (!Array.isArray(names) || !Array.isArray(encodings) || !Array.isArray(sizes)) {
    throw new ClipError("bad-data", `${label}: expected column_names, column_encodings and column_sizes`);
  }
  return names.map((name, at) => {
    const size: unknown = sizes[at];
    return { name: String(name), encoding: String(encodings[at]), size: isCount(size) ? size : undefined };
  });
}

function shardOf(value: unknown, label: string): MdsShard {
  const shard = (value ?? {}) as Json;
  const { format, compression, samples } = shard;
  const { basename, bytes } = (shard["raw_data"] ?? {}) as Json;
  if (format !== "mds")
    throw new ClipError("unsupported", `${label}: expected shards of the format mds, not ${String(format)}`);
  if (typeof compression === "string") {
    throw new ClipError(
      "unsupported",
      `${label}: its shards are packed (${compression}), which is not read: unpack them, or make tars of them ` +
        "(clip-ts data prepare reads csv, parquet, folders and webdataset)",
    );
  }
  if (typeof basename === "string" && isCount(bytes) && isCount(samples)) {
    return { name: basename, bytes, samples, columns: columnsOf(shard, label) };
  }
  throw new ClipError("bad-data", `${label}: expected raw_data and samples of each shard`);
}

/** The shards in the content of an `index.json`. @throws ClipError "bad-data", or "unsupported" for packed shards. */
export function readMdsIndex(json: unknown, label: string): MdsShard[] {
  const { shards } = (json ?? {}) as Json;
  if (Array.isArray(shards)) return shards.map((shard) => shardOf(shard, label));
  throw new ClipError("bad-data", `${label}: expected an index.json of MosaicML streaming, with a list of shards`);
}

/** Where a sample's parts lie. */
export interface MdsSample {
  readonly image: BytesPlace | Unreadable;
  readonly files: readonly SideFile[];
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Values of a sample: where each begins, and how long it is. `start` is the sample's first byte. */
function placesOf(columns: readonly MdsColumn[], sizes: DataView, start: number): { offset: number; length: number }[] {
  let at = start + 4 * columns.filter(({ size }) => size === undefined).length;
  let next = 0;
  return columns.map(({ size }) => {
    const length = size ?? sizes.getUint32(4 * next++, true);
    const place = { offset: at, length };
    at += length;
    return place;
  });
}

/**
 * A sample of an open shard file: the number of samples and where each begins (u32), a description, then of each
 * sample the sizes of those columns that have none of their own, and the values (streaming's `MDSWriter`).
 */
export async function readMdsSample(
  file: ByteReader & { readonly path: string },
  shard: MdsShard,
  wanted: MdsColumns & { readonly index: number },
): Promise<MdsSample> {
  const { columns } = shard;
  const { index, image = ["image", ...imageEndings, "img"], captions } = wanted;
  const table = await file.read(4 + 4 * index, 8);
  if (table.byteLength < 8) return { image: { reason: `${file.path} is cut` }, files: [] };
  const [start, end] = [viewOf(table).getUint32(0, true), viewOf(table).getUint32(4, true)];
  const sizes = await file.read(start, 4 * columns.length);
  if (sizes.byteLength < 4 * columns.filter(({ size }) => size === undefined).length) {
    return { image: { reason: `${file.path} is cut` }, files: [] };
  }
  const padded = new Uint8Array(4 * columns.length);
  padded.set(sizes);
  const places = placesOf(columns, viewOf(padded), start);
  const isInside = ({ offset, length }: { offset: number; length: number }): boolean =>
    offset + length <= Math.min(end, file.size);
  const chosen = image.map((name) => columns.findIndex((column) => column.name === name)).find((at) => at !== -1);
  const files = columns.flatMap(({ name, encoding }, at): SideFile[] => {
    const place = places[at];
    const isText = encoding === "str" || encoding === "json" || isTextEnding(name);
    if (place === undefined || !isText || !isInside(place)) return [];
    if (captions !== undefined && !captions.includes(name)) return [];
    return [{ ending: encoding === "json" ? `${name}.json` : name, place: { path: file.path, ...place } }];
  });
  return { image: imageOf(file, { columns, places, chosen, isInside }), files };
}

function imageOf(
  { path }: { readonly path: string },
  found: {
    readonly columns: readonly MdsColumn[];
    readonly places: readonly { offset: number; length: number }[];
    readonly chosen: number | undefined;
    isInside(place: { offset: number; length: number }): boolean;
  },
): BytesPlace | Unreadable {
  const { columns, places, chosen = -1, isInside } = found;
  const [column, place] = [columns[chosen], places[chosen]];
  if (column === undefined || place === undefined) {
    return { reason: `it has no column of images, only ${columns.map(({ name }) => name).join(", ")}` };
  }
  if (!imageEncodings.has(column.encoding)) return { reason: `images encoded as ${column.encoding} are not read` };
  return isInside(place) ? { path, ...place } : { reason: `${path} is cut or damaged` };
}
