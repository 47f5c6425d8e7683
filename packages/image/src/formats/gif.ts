import { inPieces, type Yielding } from "@clip-ts/base";
import { pixelsAtATime, type Rectangle } from "../pixel-source.ts";
import type { Pixels } from "../pixels.ts";
import { checkImageSize, checkLzw, concatenate, fullPalette, greyPalette, refuse } from "./shared.ts";

/** The first frame of a GIF and the canvas it lies on. */
export interface GifFrame {
  /** A GIF of the frame alone: opaque, its palette full. */
  file(): Yielding<Uint8Array>;
  /** The same in white where the frame is transparent, black elsewhere; undefined if it is opaque. */
  mask(): Yielding<Uint8Array | undefined>;
  readonly area: Rectangle;
  readonly canvas: { readonly width: number; readonly height: number };
  /** Red, green and blue of the canvas around the frame. */
  readonly background: Uint8Array;
  /** [256, 3] */
  readonly palette: Uint8Array;
  /** Whether the palette is no row of greys by their numbers: Pillow's mode P, otherwise L. */
  readonly isIndexed: boolean;
  /** Throws "bad-data" unless the frame's pixels are all there. */
  check(): Yielding<void>;
}

/** Whether bytes begin as a GIF does. */
export function isGif(bytes: Uint8Array): boolean {
  return /^GIF8[79]a$/u.test(String.fromCharCode(...bytes.subarray(0, 6)));
}

/** Reads on from a place in a file; beyond its end there is nothing. */
interface Reader {
  byte(): number | undefined;
  take(length: number): Uint8Array;
}

function readerOf(bytes: Uint8Array, start: number): Reader {
  let at = start;
  return {
    byte: () => bytes[at++],
    take: (length) => bytes.subarray(at, (at += length)),
  };
}

function uint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** One block of data; undefined after the last. */
function nextBlock({ byte, take }: Reader): Uint8Array | undefined {
  const length = byte();
  return length === undefined || length === 0 ? undefined : take(length);
}

/** Reads an extension; gives the transparent index if it names one. */
function readExtension(reader: Reader): number | undefined {
  const kind = reader.byte();
  const first = nextBlock(reader);
  for (let block = first; block !== undefined; block = nextBlock(reader));
  const isTransparent = kind === 0xf9 && first !== undefined && (first[0]! & 1) === 1;
  return isTransparent ? first[3] : undefined;
}

/** Goes on to the first frame; gives its descriptor, and the transparent index named before it. */
function findFrame(reader: Reader): { descriptor: Uint8Array; transparent: number | undefined } {
  let transparent: number | undefined;
  for (;;) {
    const kind = reader.byte();
    if (kind === undefined || kind === 0x3b) return refuse("the GIF has no frame");
    if (kind === 0x21) transparent = readExtension(reader) ?? transparent;
    if (kind !== 0x2c) continue;
    const descriptor = reader.take(9);
    if (descriptor.length < 9) return refuse("the GIF is truncated within its first frame");
    return { descriptor, transparent };
  }
}

function isGreyByNumber(colors: Uint8Array): boolean {
  return colors.every((value, index) => value === Math.floor(index / 3));
}

/** Compressed pixels: the bits of their first codes, and the whole blocks. */
interface Compressed {
  readonly codeBits: number;
  readonly blocks: readonly Uint8Array[];
}

function compressedFrom(reader: Reader): Compressed {
  const codeBits = reader.byte();
  if (codeBits === undefined) return refuse("the GIF is truncated within its first frame");
  const blocks: Uint8Array[] = [];
  for (let length = reader.byte(); length !== undefined && length > 0; length = reader.byte()) {
    const block = reader.take(length);
    if (block.length === length) blocks.push(block); // one cut short does not count
  }
  return { codeBits, blocks };
}

function* writeGif(
  descriptor: Uint8Array,
  palette: Uint8Array,
  { codeBits, blocks }: Compressed,
): Yielding<Uint8Array> {
  const size = descriptor.subarray(4, 8);
  const name = Array.from("GIF89a", (letter) => letter.charCodeAt(0));
  const isInterlaced = descriptor[8]! & 0x40;
  return yield* concatenate([
    Uint8Array.of(...name, ...size, 0xf7, 0, 0),
    palette,
    Uint8Array.of(0x2c, 0, 0, 0, 0, ...size, isInterlaced, codeBits),
    ...blocks.flatMap((block) => [Uint8Array.of(block.length), block]),
    Uint8Array.of(0, 0x3b),
  ]);
}

/** The frame in white where it is transparent, black elsewhere; undefined if it is opaque. */
function* writeMask(
  descriptor: Uint8Array,
  transparent: number | undefined,
  compressed: Compressed,
): Yielding<Uint8Array | undefined> {
  if (transparent === undefined) return undefined;
  const palette = new Uint8Array(768).fill(255, 3 * transparent, 3 * transparent + 3);
  return yield* writeGif(descriptor, palette, compressed);
}

function* checkPixels({ blocks, codeBits }: Compressed, area: Rectangle): Yielding<void> {
  yield* checkLzw(yield* concatenate(blocks), codeBits, area.width * area.height);
}

/**
 * The first frame of a GIF as Pillow reads it: a transparent index is no alpha, and the canvas around
 * the frame has the transparent colour, or the first one.
 * @throws ClipError "bad-data" if there is none, or the canvas has more pixels than Pillow accepts.
 */
export function firstFrame(bytes: Uint8Array): GifFrame {
  if (bytes.length < 13) refuse("the GIF is truncated within its head");
  const reader = readerOf(bytes, 13);
  const flags = bytes[10]!;
  const shared = (flags & 0x80) === 0 ? undefined : reader.take(3 << ((flags & 7) + 1));
  const { descriptor, transparent } = findFrame(reader);
  const own = (descriptor[8]! & 0x80) !== 0;
  const colors = own ? reader.take(3 << ((descriptor[8]! & 7) + 1)) : (shared ?? Uint8Array.of());
  const [left, top, width, height] = [0, 2, 4, 6].map((at) => uint16(descriptor, at));
  const area = { left: left!, top: top!, width: width!, height: height! };
  checkImageSize(area);
  const canvas = {
    width: Math.max(uint16(bytes, 6), area.left + area.width),
    height: Math.max(uint16(bytes, 8), area.top + area.height),
  };
  checkImageSize(canvas);
  const isIndexed = !isGreyByNumber(colors);
  const palette = isIndexed ? fullPalette(colors) : greyPalette();
  const compressed = compressedFrom(reader);
  const around = 3 * (transparent ?? 0);
  return {
    file: () => writeGif(descriptor, palette, compressed),
    mask: () => writeMask(descriptor, transparent, compressed),
    area,
    canvas,
    background: palette.slice(around, around + 3),
    palette,
    isIndexed,
    check: () => checkPixels(compressed, area),
  };
}

/** Lays rows of a frame on its canvas, from `start` up to `end`. */
function layRows(
  { area, canvas }: GifFrame,
  [colors, mask]: readonly [colors: Pixels, mask: Pixels | undefined],
  data: Uint8Array,
  [start, end]: readonly [start: number, end: number],
): void {
  const channels = mask === undefined ? 3 : 4;
  for (let row = start; row < end; row++) {
    let to = ((area.top + row) * canvas.width + area.left) * channels;
    const last = (row + 1) * area.width;
    for (let pixel = row * area.width; pixel < last; pixel++) {
      const from = pixel * colors.channels;
      data[to++] = colors.data[from]!;
      data[to++] = colors.data[from + 1]!;
      data[to++] = colors.data[from + 2]!;
      if (mask !== undefined) data[to++] = 255 - mask.data[pixel * mask.channels]!;
    }
  }
}

/** Lays the decoded frame on its canvas, with the mask's white as transparency beside its colours. */
export function* layFrame(frame: GifFrame, colors: Pixels, mask: Pixels | undefined): Yielding<Pixels> {
  const { area, canvas, background, isIndexed } = frame;
  const channels = mask === undefined ? 3 : 4;
  const mode = mask === undefined ? {} : ({ mode: "keyed" } as const);
  const kind = isIndexed ? ({ mode: "indexed", palette: frame.palette } as const) : mode;
  const isWhole = canvas.width === area.width && canvas.height === area.height;
  if (mask === undefined && isWhole) return { ...colors, ...kind };
  const around = mask === undefined ? background : Uint8Array.of(...background, 0);
  const data = new Uint8Array(canvas.width * canvas.height * channels);
  yield* inPieces(canvas.width * canvas.height, (start, end) => {
    for (let at = start * channels; at < end * channels; at += channels) data.set(around, at);
  });
  const rowsAtATime = Math.ceil(pixelsAtATime / area.width);
  const lay = (start: number, end: number): void => layRows(frame, [colors, mask], data, [start, end]);
  yield* inPieces(area.height, lay, rowsAtATime);
  return { data, ...canvas, channels, ...kind };
}
