import type { PixelMode } from "../pixels.ts";
import { concatenate } from "./concatenate.ts";
import { crc32 } from "./crc32.ts";
import { fullPalette } from "./palette.ts";
import { refuse } from "./refuse.ts";

/** A PNG file by what counts for its pixels. */
export interface PlainPng {
  /**
   * The file with nothing else in it, its checksums right. Of mode "I;16" the high byte of a sample is
   * written as grey, the low one as alpha, since decoders give no more than eight bits.
   */
  readonly file: Uint8Array;
  readonly mode: PixelMode | undefined;
}

/** Gives the CRC-32 of bytes. */
export type Checksum = (bytes: Uint8Array) => number;

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
  if (isBefore && crc32(bytes.subarray(start - 4, end)) !== readUint32(bytes, end)) {
    refuse(`the PNG file is broken: the checksum of its chunk ${name} is wrong`);
  }
}

/** The chunks that count, and the pieces of the compressed pixels. */
function sortChunks(bytes: Uint8Array): { kept: Map<string, Uint8Array>; pieces: Uint8Array[] } {
  const kept = new Map<string, Uint8Array>();
  const pieces: Uint8Array[] = [];
  let areOver: boolean = false;
  for (const chunk of chunksOf(bytes)) {
    const { name, start, end } = chunk;
    if (name === "IEND" || (name === "fcTL" && pieces.length > 0)) break;
    const isPixels: boolean = name === "IDAT" && !areOver;
    areOver ||= pieces.length > 0 && !isPixels;
    if (!isPixels) checkChunk(bytes, chunk, !areOver);
    const data = bytes.subarray(start, end);
    if (isPixels) pieces.push(data);
    else if (!areOver || name === "eXIf") kept.set(name, data);
  }
  return { kept, pieces };
}

function modeOf([depth, kind]: readonly [number, number], isNamed: boolean): PixelMode | undefined {
  if (kind === 3 || (kind === 0 && depth === 1)) return "indexed";
  if (kind === 0 && depth === 16) return "I;16";
  return isNamed && (kind === 0 || kind === 2) ? "keyed" : undefined;
}

function chunkOf(name: string, data: readonly Uint8Array[], checksum: Checksum): Uint8Array {
  const letters = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
  const chunk = concatenate([new Uint8Array(4), letters, ...data, new Uint8Array(4)]);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, chunk.length - 12);
  view.setUint32(chunk.length - 4, checksum(chunk.subarray(4, -4)));
  return chunk;
}

/** Two bytes of one sample and two samples of one byte lie and are filtered alike. */
function asGreyAndAlpha(header: Uint8Array): Uint8Array {
  return Uint8Array.from(header, (byte, index) => (index === 8 ? 8 : index === 9 ? 4 : byte));
}

/**
 * A PNG file as Pillow reads it: checksums count before the pixels and not in them, what follows the
 * pixels may be missing, colours beyond the palette's end are black, and a transparency that the file
 * names (tRNS) is no alpha. `checksum` may be the platform's own, for large files.
 * @throws ClipError "bad-data" where Pillow refuses the file for its chunks.
 */
export function plainPng(bytes: Uint8Array, checksum: Checksum = crc32): PlainPng {
  const { kept, pieces } = sortChunks(bytes);
  const header = kept.get("IHDR");
  if (header === undefined || header.length < 13) return refuse("the PNG file has no header");
  if (pieces.length === 0) return refuse("the PNG file is truncated: it has no pixels");
  const [depth = 0, kind = 0] = header.subarray(8, 10);
  const transparency = kind === 0 || kind === 2 || kind === 3 ? kept.get("tRNS") : undefined;
  const mode = modeOf([depth, kind], transparency !== undefined);
  const head = mode === "I;16" ? asGreyAndAlpha(header) : header;
  const chunks = [chunkOf("IHDR", [head], checksum)];
  if (kind === 3) {
    const colors = fullPalette(kept.get("PLTE") ?? Uint8Array.of()).subarray(0, 3 << depth);
    chunks.push(chunkOf("PLTE", [colors], checksum));
  }
  if (transparency !== undefined && mode !== "I;16") {
    chunks.push(chunkOf("tRNS", [transparency], checksum));
  }
  const exif = kept.get("eXIf");
  if (exif !== undefined) chunks.push(chunkOf("eXIf", [exif], checksum));
  chunks.push(chunkOf("IDAT", pieces, checksum), chunkOf("IEND", [], checksum));
  return { file: concatenate([signature, ...chunks]), mode };
}
