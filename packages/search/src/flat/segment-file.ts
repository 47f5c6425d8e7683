import { ClipError, crc32, parseJson, shown } from "@clip-ts/base";
import type { FieldKinds, FieldValue } from "../vector-index.ts";
import { alive, columnOf, type Block, type Column } from "./block.ts";
import type { Dtype } from "./vectors.ts";

// A segment: "clipflat", the JSON's length (uint32), JSON, zeros up to a multiple of 8, scales (int8 only), values,
// the CRC-32 of all this (uint32). Little-endian, as every machine that runs JavaScript is.

const magic = new TextEncoder().encode("clipflat");
const headBytes = magic.length + 4;
/** Bytes of values between two checks of the event loop while a segment is written. */
const pieceBytes = 2 ** 20;

/** What the JSON of a segment says. */
interface Head {
  readonly format: 1;
  readonly dtype: Dtype;
  readonly dim: number;
  readonly kinds: FieldKinds;
  readonly first: number;
  readonly last: number;
  readonly removed: readonly string[];
  readonly ids: readonly string[];
  readonly columns: Readonly<Record<string, readonly FieldValue[]>>;
}

/** What an index holds. */
export interface Layout {
  readonly dtype: Dtype;
  readonly dim: number;
  readonly kinds: FieldKinds;
}

const bytesOf = (view: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function listOf(column: Column): readonly FieldValue[] {
  return column instanceof Float64Array ? Array.from(column, (value) => (Number.isNaN(value) ? null : value)) : column;
}

function headOf({ dtype, dim, kinds }: Layout, block: Block): Uint8Array {
  const columns = Object.fromEntries([...block.columns].map(([name, column]) => [name, listOf(column)]));
  const { first, last, removed, ids } = block;
  const head: Head = { format: 1, dtype, dim, kinds, first, last, removed, ids, columns };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(Math.ceil((headBytes + json.length) / 8) * 8);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint32(magic.length, json.length, true);
  bytes.set(json, headBytes);
  return bytes;
}

/** A block as the bytes of its file, piece by piece. Borrows the block while it is read. */
export function* segmentBytes(layout: Layout, block: Block): Generator<Uint8Array> {
  let checksum = 0;
  for (const part of [headOf(layout, block), bytesOf(block.vectors.scales), bytesOf(block.vectors.values)]) {
    for (let start = 0; start < part.length; start += pieceBytes) {
      const piece = part.subarray(start, start + pieceBytes);
      checksum = crc32(piece, checksum);
      yield piece;
    }
  }
  const end = new Uint8Array(4);
  new DataView(end.buffer).setUint32(0, checksum, true);
  yield end;
}

function damaged(name: string, why: string): ClipError {
  const remedy = "Put a copy of the file in its place, or make the index anew.";
  return new ClipError("bad-data", `${name} is damaged: ${why}. ${remedy}`, { data: { name } });
}

function assertWhole(name: string, bytes: Uint8Array): void {
  if (bytes.length < headBytes + 4) throw damaged(name, `it has ${bytes.length} bytes`);
  if (magic.some((byte, at) => bytes[at] !== byte)) throw damaged(name, "it does not begin as an index does");
  const end = bytes.length - 4;
  const stated = new DataView(bytes.buffer, bytes.byteOffset + end).getUint32(0, true);
  if (crc32(bytes.subarray(0, end)) !== stated) throw damaged(name, "its checksum is not that of its content");
}

/** The content and what the file says of it. What a file with the right checksum says is what was written. */
function readHead(name: string, bytes: Uint8Array): { readonly head: Head; readonly end: number } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  const text = new TextDecoder().decode(bytes.subarray(headBytes, headBytes + length));
  const head = parseJson(text) as Head;
  if (head.format !== 1) {
    throw new ClipError("unsupported", `${name} has the format ${shown(head.format)}; this release reads format 1.`);
  }
  return { head, end: Math.ceil((headBytes + length) / 8) * 8 };
}

/** Numbers in the bytes of a file, without a copy where they lie at a multiple of their size. */
function floatsAt(bytes: Uint8Array, start: number, count: number): Float32Array {
  const from = bytes.byteOffset + start;
  if (from % 4 === 0) return new Float32Array(bytes.buffer, from, count);
  return new Float32Array(bytes.slice(start, start + 4 * count).buffer);
}

/** A file's bytes as a block that keeps them. @throws ClipError "bad-data" for what is damaged, by the file's name. */
export function readSegment(name: string, bytes: Uint8Array): { readonly layout: Layout; readonly block: Block } {
  assertWhole(name, bytes);
  const { head, end } = readHead(name, bytes);
  const { dtype, dim, kinds, first, last, removed, ids } = head;
  const rows = ids.length;
  const scales = floatsAt(bytes, end, dtype === "int8" ? rows : 0);
  const start = end + scales.byteLength;
  const values =
    dtype === "int8"
      ? new Int8Array(bytes.buffer, bytes.byteOffset + start, rows * dim)
      : floatsAt(bytes, start, rows * dim);
  const columns = new Map(
    Object.entries(kinds).map(([field, kind]) => [field, columnOf(kind, head.columns[field] ?? [])]),
  );
  const diedAt = new Uint32Array(rows).fill(alive);
  const block = { first, last, removed, ids, columns, vectors: { dim, values, scales }, diedAt };
  return { layout: { dtype, dim, kinds }, block };
}
