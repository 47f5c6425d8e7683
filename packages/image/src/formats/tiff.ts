import { fullPalette } from "./shared.ts";

/** What the tags of a TIFF file say of its pixels (TIFF 6.0, section 8). */
export interface TiffTags {
  /** 0 and 1 grey, 2 colours, 3 a palette, 5 inks, 6 luma and chroma. */
  readonly photometric: number;
  /** Bits of the first sample. */
  readonly bits: number;
  /** What samples beyond the colours are: 0 nothing, 1 alpha multiplied in, 2 alpha. */
  readonly extra: readonly number[];
  /** 1 whole numbers, 2 with a sign, 3 floats. */
  readonly format: number;
  /** Red, green and blue of each colour of a palette, black beyond its end: [256, 3]. */
  readonly palette?: Uint8Array;
}

const named = { bits: 258, photometric: 262, colors: 320, extra: 338, format: 339 } as const;

/** Whether bytes begin as a TIFF file does. */
export function isTiff(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  if (a === 0x49 && b === 0x49) return c === 42 && d === 0;
  return a === 0x4d && b === 0x4d && c === 0 && d === 42;
}

/** The numbers of bytes or of two bytes each that an entry of 12 bytes holds or points to. */
function numbersOf(view: DataView, entry: number, isLittle: boolean): number[] {
  const size = view.getUint16(entry + 2, isLittle) === 3 ? 2 : 1;
  const count = view.getUint32(entry + 4, isLittle);
  const start = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, isLittle);
  if (start + count * size > view.byteLength) throw new RangeError("beyond the end of the file");
  return Array.from({ length: Math.min(count, 768) }, (_, index) =>
    size === 2 ? view.getUint16(start + 2 * index, isLittle) : view.getUint8(start + index),
  );
}

function readEntries(bytes: Uint8Array): Map<number, number[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = bytes[0] === 0x49;
  const wanted: ReadonlySet<number> = new Set(Object.values(named));
  const directory = view.getUint32(4, isLittle);
  const count = view.getUint16(directory, isLittle);
  const entries = new Map<number, number[]>();
  for (let index = 0; index < count; index++) {
    const entry = directory + 2 + 12 * index;
    const tag = view.getUint16(entry, isLittle);
    if (wanted.has(tag)) entries.set(tag, numbersOf(view, entry, isLittle));
  }
  return entries;
}

/** All reds of 16 bits, then all greens, then all blues, of which Pillow keeps the upper eight. */
function paletteOf(colors: readonly number[]): Uint8Array {
  const count = colors.length / 3;
  return fullPalette(Uint8Array.from(colors, (_, at) => colors[(at % 3) * count + Math.trunc(at / 3)]! >> 8));
}

/** The tags of a TIFF's first image; undefined if they lie beyond its end. */
export function readTiffTags(bytes: Uint8Array): TiffTags | undefined {
  try {
    const entries = readEntries(bytes);
    const first = (tag: number, usual: number): number => entries.get(tag)?.[0] ?? usual;
    const colors = entries.get(named.colors);
    return {
      ...(colors !== undefined && { palette: paletteOf(colors) }),
      photometric: first(named.photometric, 0),
      bits: first(named.bits, 1),
      extra: entries.get(named.extra) ?? [],
      format: first(named.format, 1),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
