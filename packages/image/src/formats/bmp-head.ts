import { refuse } from "./shared.ts";

/** How a pixel's bits become channels: where each channel's bits begin, and how many they are. */
export interface BmpLayout {
  /** Red, green, blue and, if there is one, alpha. */
  readonly shifts: readonly number[];
  readonly widths: readonly number[];
}

/** What a BMP file says before its pixels. */
export interface BmpHead {
  readonly width: number;
  readonly height: number;
  /** Rows from the bottom, unless they are from the top. */
  readonly isTopDown: boolean;
  /** Bits of a pixel. */
  readonly bits: number;
  readonly coding: "raw" | "rle8" | "rle4";
  /** Of pixels of 16 bits and more. */
  readonly layout: BmpLayout | undefined;
  /** Of pixels of 8 bits and fewer. */
  readonly palette: {
    readonly colors: Uint8Array;
    readonly stride: number;
    readonly count: number;
  };
  /** First byte of the pixels. */
  readonly start: number;
}

const codings: Readonly<Record<number, BmpHead["coding"]>> = {
  0: "raw",
  1: "rle8",
  2: "rle4",
  3: "raw",
};
const headSizes: ReadonlySet<number> = new Set([12, 40, 52, 56, 64, 108, 124]);

const bytesOf = (...shifts: number[]): BmpLayout => ({ shifts, widths: shifts.map(() => 8) });

/** Layouts by bits of a pixel where a head names no masks. */
const usual: Readonly<Record<number, BmpLayout>> = {
  16: { shifts: [10, 5, 0], widths: [5, 5, 5] },
  24: bytesOf(16, 8, 0),
  32: bytesOf(16, 8, 0),
};

/** The masks that Pillow knows, red, green, blue and alpha in hexadecimal. */
const masked: Readonly<Record<string, BmpLayout>> = {
  "32 ff0000 ff00 ff 0": bytesOf(16, 8, 0),
  "32 ff000000 ff0000 ff00 0": bytesOf(24, 16, 8),
  "32 ff000000 ff00 ff 0": bytesOf(24, 8, 0),
  "32 ff000000 ff0000 ff00 ff": bytesOf(24, 16, 8, 0),
  "32 ff ff00 ff0000 ff000000": bytesOf(0, 8, 16, 24),
  "32 ff0000 ff00 ff ff000000": bytesOf(16, 8, 0, 24),
  "32 ff000000 ff00 ff ff0000": bytesOf(24, 8, 0, 16),
  "32 0 0 0 0": bytesOf(16, 8, 0, 24),
  "24 ff0000 ff00 ff": bytesOf(16, 8, 0),
  "16 f800 7e0 1f": { shifts: [11, 5, 0], widths: [5, 6, 5] },
  "16 7c00 3e0 1f": { shifts: [10, 5, 0], widths: [5, 5, 5] },
};

/** Whether bytes begin as a BMP file does, or as one without its first 14 bytes (DIB). */
export function isBmp(bytes: Uint8Array): boolean {
  const [first, second, third, fourth] = bytes;
  if (first === 0x42 && second === 0x4d) return true;
  return second === 0 && third === 0 && fourth === 0 && headSizes.has(first!);
}

function layoutOf(view: DataView, head: number, bits: number): BmpLayout | undefined {
  const size = view.getUint32(head, true);
  const hasMasks = size > 12 && view.getUint32(head + 16, true) === 3;
  if (!hasMasks) return usual[bits];
  const hasAlpha = bits === 32 && size >= 56;
  const offsets = hasAlpha ? [40, 44, 48, 52] : [40, 44, 48];
  const masks = offsets.map((offset) => view.getUint32(head + offset, true).toString(16));
  if (bits === 32 && !hasAlpha) masks.push("0");
  const name = [bits, ...masks].join(" ");
  return masked[name] ?? refuse(`the BMP has a layout of bits that Pillow does not read: ${name}`);
}

/** The numbers of a head. */
interface Fields {
  readonly width: number;
  /** Of images from the top, 2^32 less the height. */
  readonly tall: number;
  readonly bits: number;
  readonly coding: number;
  /** Colours of the palette; 0 for as many as there can be. */
  readonly colors: number;
}

/** Two bytes each in the oldest kind of head. */
function fieldsOf(view: DataView, head: number): Fields {
  const size = view.getUint32(head, true);
  if (!headSizes.has(size)) refuse(`the BMP has a head of ${size} bytes, which is none`);
  const short = (at: number): number => view.getUint16(head + at, true);
  const long = (at: number): number => view.getUint32(head + at, true);
  if (size === 12) {
    return { width: short(4), tall: short(6), bits: short(10), coding: 0, colors: 0 };
  }
  return { width: long(4), tall: long(8), bits: short(14), coding: long(16), colors: long(32) };
}

/** Where palette and pixels lie. */
function placesOf(
  view: DataView,
  head: number,
  { bits, coding, colors }: Fields,
): Pick<BmpHead, "start"> & { readonly colors: readonly [start: number, end: number] } & {
  readonly stride: number;
  readonly count: number;
} {
  const size = view.getUint32(head, true);
  const count = bits > 8 ? 0 : colors || 2 ** bits;
  const stride = size === 12 ? 3 : 4;
  const areMasksBehind = coding === 3 && size < 52;
  const from = head + size + (areMasksBehind ? 12 : 0);
  const end = from + stride * count;
  const offset = head === 0 ? 0 : view.getUint32(10, true);
  const isShort = bits <= 8 && offset === 14 + size; // the offset forgets the palette
  const start = offset === 0 ? end : offset + (isShort ? stride * count : 0);
  return { start, colors: [from, end], stride, count };
}

const depths: ReadonlySet<number> = new Set([1, 4, 8, 16, 24, 32]);

function readFields(bytes: Uint8Array): BmpHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = bytes[0] === 0x42 ? 14 : 0;
  const fields = fieldsOf(view, head);
  const { width, tall, bits } = fields;
  const isTopDown = tall >= 0xff00_0000;
  const coding = codings[fields.coding] ?? refuse(`the BMP is compressed in the unknown way ${fields.coding}`);
  if (!depths.has(bits)) refuse(`the BMP has ${bits} bits a pixel`);
  const { start, colors, stride, count } = placesOf(view, head, fields);
  return {
    width,
    height: isTopDown ? 2 ** 32 - tall : tall,
    isTopDown,
    bits,
    coding,
    layout: bits > 8 ? layoutOf(view, head, bits) : undefined,
    palette: { colors: bytes.subarray(...colors), stride, count },
    start,
  };
}

/**
 * Reads the head of a BMP or DIB file.
 * @throws ClipError "bad-data" for kinds that Pillow does not read, or a file that ends in its head.
 */
export function readBmpHead(bytes: Uint8Array): BmpHead {
  try {
    return readFields(bytes);
  } catch (error) {
    if (error instanceof RangeError) return refuse("the BMP is truncated within its head");
    throw error;
  }
}
