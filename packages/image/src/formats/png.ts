import { crc32, type Yielding } from "@clip-ts/base";
import type { PixelMode } from "../pixels.ts";
import { concatenate, fullPalette, piecesOf, refuse } from "./shared.ts";

/** A PNG file by what counts for its pixels. */
export interface PlainPng {
  /**
   * The file with nothing else in it, its checksums right. Of mode "I;16" the high byte of a sample is
   * written as grey, the low one as alpha, since decoders give no more than eight bits.
   */
  readonly file: Uint8Array;
  readonly mode: PixelMode | undefined;
  /** The compressed pixels by themselves, for platforms that show what they can of damaged ones. */
  readonly compressed: readonly Uint8Array[];
  /** The bytes that they make. */
  readonly rawLength: number;
  /** [256, 3], of a file that has one. */
  readonly palette?: Uint8Array;
}

/** Gives the CRC-32 of bytes that follow others, whose CRC-32 is `before`. */
export type Checksum = (bytes: Uint8Array, before: number) => number;

interface Chunk {
  readonly name: string;
  /** First byte of its data, and one after the last; past the end of a file that was cut short. */
  readonly start: number;
  readonly end: number;
}

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const chunkName = /^\w{4}$/u;

/** Whether bytes begin as a PNG file does. */
export function isPng(bytes: Uint8Array): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

/** Chunks up to the first that is cut off within its head or is none. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let head = signature.length;
  while (head + 8 <= bytes.length) {
    const name = String.fromCharCode(...bytes.subarray(head + 4, head + 8));
    if (!chunkName.test(name)) return;
    const start = head + 8;
    const end = start + view.getUint32(head);
    yield { name, start, end };
    head = end + 4;
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** What Pillow reads before the pixels must be whole; what comes after them need not be right. */
function checkChunk(bytes: Uint8Array, { name, start, end }: Chunk, isBefore: boolean): void {
  if (end + (isBefore ? 4 : 0) > bytes.length) {
    refuse(`the PNG file is truncated within its chunk ${name}`);
  }
  if (isBefore && crc32(bytes.subarray(start - 4, end), 0) !== readUint32(bytes, end)) {
    refuse(`the PNG file is broken: the checksum of its chunk ${name} is wrong`);
  }
}

/** The chunks that count, and the pieces of the compressed pixels. */
interface Sorted {
  readonly kept: Map<string, Uint8Array>;
  readonly pieces: Uint8Array[];
}

/** The first row of IDAT chunks holds the pixels; of what follows only EXIF counts. */
function sortChunks(bytes: Uint8Array): Sorted {
  const kept = new Map<string, Uint8Array>();
  const pieces: Uint8Array[] = [];
  let place: "before" | "pixels" | "after" = "before";
  for (const chunk of chunksOf(bytes)) {
    const { name, start, end } = chunk;
    const isNextFrame = name === "fcTL" && place !== "before";
    if (name === "IEND" || isNextFrame) break;
    const data = bytes.subarray(start, end);
    if (name === "IDAT" && place !== "after") {
      place = "pixels";
      pieces.push(data);
      continue;
    }
    if (place === "pixels") place = "after";
    checkChunk(bytes, chunk, place === "before");
    if (place === "before" || name === "eXIf") kept.set(name, data);
  }
  return { kept, pieces };
}

function modeOf([depth, kind]: readonly [number, number], isNamed: boolean): PixelMode | undefined {
  if (kind === 3 || (kind === 0 && depth === 1)) return "indexed";
  if (kind === 0 && depth === 16) return "I;16";
  return isNamed && (kind === 0 || kind === 2) ? "keyed" : undefined;
}

/** The parts of a chunk, its data as they lie. */
function* chunkOf(name: string, data: readonly Uint8Array[], checksum: Checksum): Yielding<Uint8Array[]> {
  const head = new Uint8Array(8);
  const length = data.reduce((sum, part) => sum + part.length, 0);
  new DataView(head.buffer).setUint32(0, length);
  head.set(
    Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
    4,
  );
  let sum = checksum(head.subarray(4), 0);
  for (const part of data) {
    for (const piece of piecesOf(part)) {
      sum = checksum(piece, sum);
      yield;
    }
  }
  const end = new Uint8Array(4);
  new DataView(end.buffer).setUint32(0, sum);
  return [head, ...data, end];
}

/** Two bytes of one sample and two samples of one byte lie and are filtered alike. */
function asGreyAndAlpha(header: Uint8Array): Uint8Array {
  return Uint8Array.from(header, (byte, index) => (index === 8 ? 8 : index === 9 ? 4 : byte));
}

/** First pixels of the seven passes of an interlaced file, and the steps to the next (section 8.2). */
const passes: readonly (readonly [left: number, top: number, across: number, down: number])[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

const channelsOfKind: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Bytes of all rows, each behind the number of its filter. */
function rawLengthOf(header: Uint8Array): number {
  const [width, height] = [readUint32(header, 0), readUint32(header, 4)];
  const bits = header[8]! * (channelsOfKind[header[9]!] ?? 0);
  const used = header[12] === 0 ? [[0, 0, 1, 1] as const] : passes;
  return used.reduce((sum, [left, top, across, down]) => {
    const columns = Math.ceil(Math.max(0, width - left) / across);
    const rows = Math.ceil(Math.max(0, height - top) / down);
    return columns === 0 ? sum : sum + rows * (1 + Math.ceil((columns * bits) / 8));
  }, 0);
}

/** Palette and transparency, as far as decoders should know of them. */
function colorChunks({ kept }: Sorted, [depth, kind]: readonly [number, number]): [name: string, data: Uint8Array][] {
  const chunks: [string, Uint8Array][] = [];
  if (kind === 3) {
    const colors = fullPalette(kept.get("PLTE") ?? Uint8Array.of());
    chunks.push(["PLTE", colors.subarray(0, 3 << depth)]);
  }
  const transparency = kept.get("tRNS");
  const isOfUse = kind < 4 && !(kind === 0 && depth === 16);
  if (transparency !== undefined && isOfUse) chunks.push(["tRNS", transparency]);
  const exif = kept.get("eXIf");
  if (exif !== undefined) chunks.push(["eXIf", exif]);
  return chunks;
}

/**
 * A PNG file as Pillow reads it: checksums count before the pixels and not in them, what follows the
 * pixels may be missing, colours beyond the palette's end are black, and a transparency that the file
 * names (tRNS) is no alpha. `checksum` may be the platform's own, for large files.
 * @throws ClipError "bad-data" where Pillow refuses the file for its chunks.
 */
export function* plainPng(bytes: Uint8Array, checksum: Checksum = crc32): Yielding<PlainPng> {
  const sorted = sortChunks(bytes);
  const header = sorted.kept.get("IHDR");
  if (header === undefined || header.length < 13) return refuse("the PNG file has no header");
  if (sorted.pieces.length === 0) return refuse("the PNG file is truncated: it has no pixels");
  const form = [header[8]!, header[9]!] as const;
  const mode = modeOf(form, sorted.kept.has("tRNS"));
  const parts: Uint8Array[] = [signature];
  const head = mode === "I;16" ? asGreyAndAlpha(header) : header;
  parts.push(...(yield* chunkOf("IHDR", [head], checksum)));
  for (const [name, data] of colorChunks(sorted, form)) {
    parts.push(...(yield* chunkOf(name, [data], checksum)));
  }
  for (const part of yield* chunkOf("IDAT", sorted.pieces, checksum)) parts.push(part);
  parts.push(...(yield* chunkOf("IEND", [], checksum)));
  const file = yield* concatenate(parts);
  const colors = form[1] === 3 ? { palette: fullPalette(sorted.kept.get("PLTE") ?? Uint8Array.of()) } : {};
  return { file, mode, compressed: sorted.pieces, rawLength: rawLengthOf(header), ...colors };
}
