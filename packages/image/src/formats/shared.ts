import { ClipError, type Yielding } from "@clip-ts/base";
import type { Rectangle } from "../pixel-source.ts";

/** The most pixels that Pillow decodes; a header that claims more is refused before anything is read. */
export const mostPixels: number = 178_956_970;

/** Throws "bad-data" that says why bytes are no image that can be read. */
export function refuse(reason: string): never {
  throw new ClipError("bad-data", reason);
}

/** Throws "bad-data" for sizes that are none, or that claim more pixels than Pillow decodes. */
export function checkImageSize({ width, height }: Pick<Rectangle, "width" | "height">): void {
  if (!(width > 0 && height > 0)) refuse(`an image of ${width} x ${height} pixels has none`);
  if (width * height <= mostPixels) return;
  refuse(`${width} x ${height} pixels exceed the pixel limit of ${mostPixels}`);
}

/** Throws "bad-data" unless a file goes on up to byte `end`. */
export function checkReaches(bytes: Uint8Array, end: number): void {
  if (end <= bytes.length) return;
  refuse(`the image file is truncated: ${bytes.length} bytes of at least ${end}`);
}

/** Bytes that are copied between two places where it may yield. */
const bytesAtATime = 2 ** 24;

/** Parts that are copied between two places where it may yield. */
const partsAtATime = 2 ** 15;

/** Pieces of bytes no longer than what is done at a time. */
export function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += bytesAtATime) {
    yield bytes.subarray(start, start + bytesAtATime);
  }
}

/** The bytes of all parts, one after the other. */
export function* concatenate(parts: readonly Uint8Array[]): Yielding<Uint8Array> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    for (const piece of piecesOf(part)) {
      whole.set(piece, at);
      at += piece.length;
      if (piece.length === bytesAtATime) yield;
    }
    if (index % partsAtATime === 0) yield;
  }
  return whole;
}

/** 256 colours of three bytes each: those of a palette, black beyond its end as in Pillow. */
export function fullPalette(colors: Uint8Array): Uint8Array {
  const palette = new Uint8Array(768);
  palette.set(colors.subarray(0, Math.min(768, colors.length - (colors.length % 3))));
  return palette;
}

/** 256 greys by their numbers. */
export function greyPalette(): Uint8Array {
  return Uint8Array.from({ length: 768 }, (_, byte) => Math.floor(byte / 3));
}

/** Codes of a GIF that are read at a time. */
const codesAtATime = 2 ** 18;

/** Gives codes of a changing number of bits, the lowest first; undefined after the last whole one. */
function codeReader(data: Uint8Array): (bits: number) => number | undefined {
  let at = 0;
  let held = 0;
  let heldBits = 0;
  return (bits) => {
    while (heldBits < bits) {
      if (at === data.length) return undefined;
      held |= data[at++]! << heldBits;
      heldBits += 8;
    }
    const code = held & (2 ** bits - 1);
    held >>>= bits;
    heldBits -= bits;
    return code;
  };
}

/** The lengths of the strings that codes stand for. */
interface Dictionary {
  /** The length of the code's string, after which one more is known; undefined for no string. */
  take(code: number): number | undefined;
  clear(): void;
  /** Bits of the next code. */
  bits(): number;
}

function dictionaryOf(firstBits: number): Dictionary {
  const clearCode = 2 ** firstBits;
  const lengths = new Uint32Array(4096).fill(1);
  let bits = firstBits + 1;
  let known = clearCode + 2;
  let previous: number | undefined;
  const learn = (last: number): void => {
    if (known === 4096) return;
    lengths[known++] = lengths[last]! + 1;
    if (known === 2 ** bits && bits < 12) bits++;
  };
  return {
    take(code) {
      if (code > known || (previous === undefined && code > clearCode)) return undefined;
      if (previous !== undefined) learn(previous);
      previous = code;
      return lengths[code]!;
    },
    clear() {
      bits = firstBits + 1;
      known = clearCode + 2;
      previous = undefined;
    },
    bits: () => bits,
  };
}

/**
 * Throws "bad-data" unless the compressed data of a GIF hold `count` pixels. It follows the lengths of
 * strings only (Welch 1984, as in GIF89a, appendix F): decoders leave what is missing blank.
 */
export function* checkLzw(data: Uint8Array, firstBits: number, count: number): Yielding<void> {
  if (firstBits > 11) refuse(`the GIF has codes of ${firstBits} bits to begin with`);
  const next = codeReader(data);
  const dictionary = dictionaryOf(firstBits);
  const clear = 2 ** firstBits;
  const readCode = (): number => {
    const code = next(dictionary.bits());
    if (code === clear) dictionary.clear();
    if (code === clear) return 0;
    if (code === undefined || code === clear + 1) return refuse("the image file is truncated");
    return dictionary.take(code) ?? refuse("the GIF is broken: a code stands for nothing");
  };
  for (let pixels = 0, codes = 1; pixels < count; codes++) {
    pixels += readCode();
    if (codes % codesAtATime === 0) yield;
  }
}
