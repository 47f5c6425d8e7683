import { inPieces, type Yielding } from "@clip-ts/base";
import type { Pixels } from "../pixels.ts";
import { readBmpHead, type BmpHead } from "./bmp-head.ts";
import { checkImageSize, checkReaches, fullPalette, refuse } from "./shared.ts";

/** Commands that are done at a time. */
const commandsAtATime = 2 ** 16;

/** Where the reading of a file and the writing of its pixels stand. */
interface State {
  readonly bytes: Uint8Array;
  readonly width: number;
  /** Two numbers in a byte. */
  readonly isNarrow: boolean;
  readonly indices: Uint8Array;
  at: number;
  done: number;
  column: number;
}

/** The same number, or two in turn, over and over; no further than the row. */
function putRun(state: State, count: number, value: number): void {
  const { isNarrow, width, indices } = state;
  const fitting = Math.max(0, Math.min(count, width - state.column));
  const pair = isNarrow ? [value >> 4, value & 15] : [value, value];
  for (let index = 0; index < fitting; index++) indices[state.done++] = pair[index % 2]!;
  state.column += fitting;
}

/** Numbers as they stand; false if the file ends before. */
function putPlain(state: State, count: number): boolean {
  const { bytes, isNarrow, indices } = state;
  const length = isNarrow ? count >> 1 : count;
  const plain = bytes.subarray(state.at, state.at + length);
  for (const byte of plain) {
    if (isNarrow) indices[state.done++] = byte >> 4;
    indices[state.done++] = isNarrow ? byte & 15 : byte;
  }
  state.column += count;
  state.at += length;
  state.at += state.at % 2; // up to an even place of the file
  return plain.length === length;
}

/** Goes right and up; false if the file ends before. */
function move(state: State): boolean {
  const { bytes, width } = state;
  if (state.at + 2 > bytes.length) return false;
  state.done += bytes[state.at]! + bytes[state.at + 1]! * width;
  state.column = state.done % width;
  state.at += 2;
  return true;
}

/** Does one command; false if it was the last. */
function step(state: State): boolean {
  const { bytes, width } = state;
  const [count, value] = [bytes[state.at], bytes[state.at + 1]];
  state.at += 2;
  if (count === undefined || value === undefined) return false;
  if (count > 0) putRun(state, count, value);
  else if (value === 1) return false;
  else if (value === 2) return move(state);
  else if (value > 2) return putPlain(state, value);
  else {
    state.done = Math.ceil(state.done / width) * width;
    state.column = 0;
  }
  return true;
}

/** Numbers of colours from runs and plain stretches (RLE4, RLE8); rows as in the file. */
function* expandRuns(bytes: Uint8Array, head: BmpHead): Yielding<Uint8Array> {
  const { width, height, start, coding } = head;
  const indices = new Uint8Array(width * height);
  const isNarrow = coding === "rle4";
  const state: State = { bytes, width, isNarrow, indices, at: start, done: 0, column: 0 };
  for (let commands = 1; state.done < indices.length && step(state); commands++) {
    if (commands % commandsAtATime === 0) yield;
  }
  if (state.done >= indices.length) return indices;
  return refuse("the image file is truncated: pixels are missing");
}

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

/** Bytes from one row to the next: rows are filled up to four. */
function strideOf({ width, bits }: BmpHead): number {
  return Math.floor((width * bits + 31) / 32) * 4;
}

/** Pieces of rows: does `work` for a row's columns from `start` up to `end`. */
function* byRows({ width, height }: BmpHead, work: (row: number, start: number, end: number) => void): Yielding<void> {
  for (let row = 0; row < height; row++) {
    yield* inPieces(width, (start, end) => work(row, start, end));
  }
}

/** Numbers of colours, one byte each, rows from the top. */
function* rawIndices(bytes: Uint8Array, head: BmpHead, bits: number): Yielding<Uint8Array> {
  const { width, height, start: first } = head;
  const stride = strideOf(head);
  const rowBytes = Math.ceil((width * bits) / 8);
  if (rowBytes > stride) refuse("the BMP's rows are shorter than its palette says");
  checkReaches(bytes, first + stride * (height - 1) + rowBytes);
  const indices = new Uint8Array(width * height);
  const [perByte, mask] = [8 / bits, 2 ** bits - 1];
  yield* byRows(head, (row, start, end) => {
    const from = first + row * stride;
    const to = rowPlace(head, row) * width;
    for (let column = start; column < end; column++) {
      const byte = bytes[from + Math.floor(column / perByte)]!;
      indices[to + column] = (byte >> (8 - bits - bits * (column % perByte))) & mask;
    }
  });
  return indices;
}

function* decodeRuns(bytes: Uint8Array, head: BmpHead): Yielding<Uint8Array> {
  const { width, height } = head;
  const stored = yield* expandRuns(bytes, head);
  if (head.isTopDown) return stored;
  const indices = new Uint8Array(stored.length);
  for (let row = 0; row < height; row++) {
    indices.set(stored.subarray(row * width, (row + 1) * width), rowPlace(head, row) * width);
    if (row % 64 === 0) yield;
  }
  return indices;
}

function* decodeIndexed(bytes: Uint8Array, head: BmpHead): Yielding<Pixels> {
  const { width, height, bits, coding } = head;
  const kind = greyKind(head);
  if (coding !== "raw" && kind === "1") refuse("a BMP in black and white cannot be in runs");
  const storedBits = kind === "1" ? 1 : kind === "L" ? 8 : bits;
  const indices = coding === "raw" ? yield* rawIndices(bytes, head, storedBits) : yield* decodeRuns(bytes, head);
  if (kind === "L") return { data: indices, width, height, channels: 1 };
  if (kind === "1") {
    yield* inPieces(indices.length, (start, end) => {
      for (let pixel = start; pixel < end; pixel++) indices[pixel]! *= 255;
    });
    return { data: indices, width, height, channels: 1, mode: "indexed" };
  }
  const colors = colorsOf(head);
  const data = new Uint8Array(indices.length * 3);
  yield* inPieces(indices.length, (start, end) => {
    for (let pixel = start, to = 3 * start; pixel < end; pixel++) {
      const color = 3 * indices[pixel]!;
      data[to++] = colors[color]!;
      data[to++] = colors[color + 1]!;
      data[to++] = colors[color + 2]!;
    }
  });
  return { data, width, height, channels: 3, mode: "indexed", palette: colors };
}

function* decodeColors(bytes: Uint8Array, head: BmpHead): Yielding<Pixels> {
  const { width, height, bits, layout, start: first } = head;
  if (layout === undefined || head.coding !== "raw") refuse(`a BMP in runs has ${bits} bits a pixel`);
  const size = bits / 8;
  const stride = strideOf(head);
  checkReaches(bytes, first + stride * (height - 1) + width * size);
  const { shifts, widths } = layout;
  const channels = shifts.length === 4 ? 4 : 3;
  const data = new Uint8Array(width * height * channels);
  yield* byRows(head, (row, start, end) => {
    let from = first + row * stride + start * size;
    let to = (rowPlace(head, row) * width + start) * channels;
    for (let column = start; column < end; column++) {
      let pixel = 0;
      for (let byte = 0; byte < size; byte++) pixel |= bytes[from++]! << (8 * byte);
      for (let channel = 0; channel < channels; channel++) {
        const mask = 2 ** widths[channel]! - 1;
        data[to++] = Math.floor((((pixel >>> shifts[channel]!) & mask) * 255) / mask);
      }
    }
  });
  return { data, width, height, channels };
}

/**
 * Decodes BMP or DIB as Pillow does: 1, 4 or 8 bits with a palette, raw or in runs, and 16, 24 or 32
 * bits of colour. The fourth byte is alpha only where masks say so.
 * @throws ClipError "bad-data" for what Pillow refuses: unknown kinds, a file cut short.
 */
export function* decodeBmp(bytes: Uint8Array): Yielding<Pixels> {
  const head = readBmpHead(bytes);
  checkImageSize(head);
  return yield* head.bits <= 8 ? decodeIndexed(bytes, head) : decodeColors(bytes, head);
}
