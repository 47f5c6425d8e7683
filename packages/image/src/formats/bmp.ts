import type { Pixels } from "../pixels.ts";
import { pixelsAtATime } from "../pixel-source.ts";
import type { Steps } from "../turns.ts";
import { readBmpHead, type BmpHead } from "./bmp-head.ts";
import { fullPalette } from "./palette.ts";
import { checkImageSize, checkReaches, refuse } from "./refuse.ts";

/** Red, green and blue of each colour; BMP has blue first, and often a fourth byte. */
function colorsOf({ palette: { colors, stride } }: BmpHead): Uint8Array {
  const count = Math.floor(colors.length / stride);
  if (count > 256) refuse(`the BMP has a palette of ${count} colours, more than 256`);
  const rgb = new Uint8Array(3 * count);
  for (let index = 0; index < count; index++) {
    for (let channel = 0; channel < 3; channel++) {
      rgb[3 * index + channel] = colors[stride * index + 2 - channel]!;
    }
  }
  return fullPalette(rgb);
}

/** What palettes of black and white, or of all greys in order, make of an image in Pillow. */
function greyKind({ palette: { colors, stride, count } }: BmpHead): "1" | "L" | "P" {
  if (count < 1 || count > 65_536) refuse(`the BMP has a palette of ${count} colours`);
  for (let index = 0; index < count; index++) {
    const value = count === 2 ? 255 * index : index;
    for (let channel = 0; channel < 3; channel++) {
      if (colors[stride * index + channel] !== value) return "P";
    }
  }
  return count === 2 ? "1" : "L";
}

/** Puts the rows of a result in order: those of a file are from the bottom, mostly. */
function rowPlace({ isTopDown, height }: BmpHead, row: number): number {
  return isTopDown ? row : height - 1 - row;
}

/** Numbers of colours, one byte each, rows from the top. */
function* rawIndices(bytes: Uint8Array, head: BmpHead, bits: number): Steps<Uint8Array> {
  const { width, height, start } = head;
  const stride = ((width * head.bits + 31) >> 3) & ~3;
  const rowBytes = Math.ceil((width * bits) / 8);
  if (rowBytes > stride) refuse("the BMP's rows are shorter than its palette says");
  checkReaches(bytes, start + stride * (height - 1) + rowBytes);
  const indices = new Uint8Array(width * height);
  const [perByte, mask] = [8 / bits, 2 ** bits - 1];
  for (let row = 0; row < height; row++) {
    const from = start + row * stride;
    const to = rowPlace(head, row) * width;
    for (let column = 0; column < width; column++) {
      const byte = bytes[from + Math.floor(column / perByte)]!;
      indices[to + column] = (byte >> (8 - bits - bits * (column % perByte))) & mask;
      if (column % pixelsAtATime === 0) yield;
    }
  }
  return indices;
}

/** Runs of one number, or of two in turn, between numbers as they are. Rows as in the file. */
function* runs(bytes: Uint8Array, head: BmpHead): Steps<Uint8Array> {
  const { width, height, start, coding } = head;
  const isNarrow = coding === "rle4";
  const indices = new Uint8Array(width * height);
  let at = start;
  let done = 0;
  let column = 0;
  const put = (value: number): void => void (indices[done++] = value); // beyond the end: nothing
  while (done < indices.length) {
    const [count, value] = [bytes[at], bytes[at + 1]];
    at += 2;
    if (count === undefined || value === undefined || (count === 0 && value === 1)) break;
    if (count > 0) {
      const fitting = Math.max(0, Math.min(count, width - column));
      const pair = isNarrow ? [value >> 4, value & 15] : [value, value];
      for (let index = 0; index < fitting; index++) put(pair[index % 2]!);
      column += fitting;
    } else if (value === 0) {
      done = Math.ceil(done / width) * width;
      column = 0;
    } else if (value === 2) {
      if (at + 2 > bytes.length) break;
      done += bytes[at]! + bytes[at + 1]! * width;
      at += 2;
      column = done % width;
    } else {
      const length = isNarrow ? value >> 1 : value;
      const plain = bytes.subarray(at, at + length);
      for (const byte of plain) {
        if (isNarrow) put(byte >> 4);
        put(isNarrow ? byte & 15 : byte);
      }
      if (plain.length < length) break;
      column += value;
      at += length + ((at + length) % 2);
    }
    yield;
  }
  if (done < indices.length) refuse("the image file is truncated: pixels are missing");
  return indices;
}

function* decodeRuns(bytes: Uint8Array, head: BmpHead): Steps<Uint8Array> {
  const { width, height } = head;
  const stored = yield* runs(bytes, head);
  if (head.isTopDown) return stored;
  const indices = new Uint8Array(stored.length);
  for (let row = 0; row < height; row++) {
    indices.set(stored.subarray(row * width, (row + 1) * width), rowPlace(head, row) * width);
    if (row % 64 === 0) yield;
  }
  return indices;
}

function* decodeIndexed(bytes: Uint8Array, head: BmpHead): Steps<Pixels> {
  const { width, height, bits, coding } = head;
  const kind = greyKind(head);
  if (coding !== "raw" && kind === "1") refuse("a BMP in black and white cannot be in runs");
  const storedBits = kind === "1" ? 1 : kind === "L" ? 8 : bits;
  const indices =
    coding === "raw" ? yield* rawIndices(bytes, head, storedBits) : yield* decodeRuns(bytes, head);
  if (kind === "L") return { data: indices, width, height, channels: 1 };
  if (kind === "1") {
    for (let pixel = 0; pixel < indices.length; pixel++) {
      indices[pixel]! *= 255;
      if (pixel % pixelsAtATime === 0) yield;
    }
    return { data: indices, width, height, channels: 1, mode: "indexed" };
  }
  const colors = colorsOf(head);
  const data = new Uint8Array(indices.length * 3);
  for (let pixel = 0, to = 0; pixel < indices.length; pixel++) {
    const color = 3 * indices[pixel]!;
    data[to++] = colors[color]!;
    data[to++] = colors[color + 1]!;
    data[to++] = colors[color + 2]!;
    if (pixel % pixelsAtATime === 0) yield;
  }
  return { data, width, height, channels: 3, mode: "indexed" };
}

function* decodeColors(bytes: Uint8Array, head: BmpHead): Steps<Pixels> {
  const { width, height, bits, layout, start } = head;
  if (layout === undefined || head.coding !== "raw")
    refuse(`a BMP in runs has ${bits} bits a pixel`);
  const size = bits / 8;
  const stride = ((width * bits + 31) >> 3) & ~3;
  checkReaches(bytes, start + stride * (height - 1) + width * size);
  const channels = layout.shifts.length === 4 ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  const scaled = layout.widths.map((wide) => ({ mask: 2 ** wide - 1 }));
  for (let row = 0; row < height; row++) {
    let from = start + row * stride;
    let to = rowPlace(head, row) * width * channels;
    for (let column = 0; column < width; column++) {
      let pixel = 0;
      for (let byte = 0; byte < size; byte++) pixel |= bytes[from++]! << (8 * byte);
      for (let channel = 0; channel < channels; channel++) {
        const { mask } = scaled[channel]!;
        const value = (pixel >>> layout.shifts[channel]!) & mask;
        data[to++] = Math.floor((value * 255) / mask);
      }
      if (column % pixelsAtATime === 0) yield;
    }
  }
  return { data, width, height, channels };
}

/**
 * Decodes BMP or DIB as Pillow does: 1, 4 or 8 bits with a palette, raw or in runs, and 16, 24 or 32
 * bits of colour. The fourth byte is alpha only where masks say so.
 * @throws ClipError "bad-data" for what Pillow refuses: unknown kinds, a file cut short.
 */
export function* decodeBmp(bytes: Uint8Array): Steps<Pixels> {
  const head = readBmpHead(bytes);
  checkImageSize(head);
  return yield* head.bits <= 8 ? decodeIndexed(bytes, head) : decodeColors(bytes, head);
}
