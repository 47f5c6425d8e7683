import type { Yielding } from "@clip-ts/base";
import { pixelsAtATime, type PixelSource } from "./pixel-source.ts";
import { precisionBits, type ResampleTable } from "./resample-table.ts";

const half = 1 << (precisionBits - 1);

type Table = ResampleTable<Int32Array>;

/** Rows of bytes, `channels` for each pixel. */
export interface Plane {
  readonly data: Uint8Array;
  readonly width: number;
  readonly channels: number;
}

/** Output pixels of a row that are made at a time. */
interface Block {
  /** The first and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** The source pixels they are made of: the first, and one after the last. */
  readonly start: number;
  readonly end: number;
}

/** Cuts a row's output into blocks that read few pixels each. */
export function blocksOf({ size, starts, counts, taps }: ResampleTable<unknown>): Block[] {
  const length = Math.max(1, Math.floor((pixelsAtATime * 4) / taps));
  const blocks: Block[] = [];
  for (let from = 0; from < size; from += length) {
    const to = Math.min(from + length, size);
    blocks.push({ from, to, start: starts[from]!, end: starts[to - 1]! + counts[to - 1]! });
  }
  return blocks;
}

/**
 * Makes each row of `source` from `rows[0]` up to `rows[1]` as wide as the table says. Sums are
 * rounded to bytes, as Pillow does between its passes.
 */
export function* resampleRows(
  source: PixelSource,
  table: Table,
  rows: readonly [start: number, end: number],
): Yielding<Uint8Array> {
  const { channels, first, stride } = source;
  const target = new Uint8ClampedArray(table.size * channels * (rows[1] - rows[0]));
  const resampleBlock = channels === 3 ? resampleRgb : resampleAny;
  const blocks = blocksOf(table);
  let read = 0;
  for (let row = rows[0]; row < rows[1]; row++) {
    const pixel = first + row * stride;
    const to = (row - rows[0]) * table.size * channels;
    for (const block of blocks) {
      const data = source.read(pixel + block.start, pixel + block.end);
      resampleBlock({ data, channels, block, target, to }, table);
      read += block.end - block.start;
      if (read < pixelsAtATime) continue; // a pause for each row would cost more than short rows
      read = 0;
      yield;
    }
  }
  return new Uint8Array(target.buffer);
}

interface RowTask {
  /** The block's source pixels. */
  readonly data: Uint8Array;
  readonly channels: number;
  readonly block: Block;
  readonly target: Uint8ClampedArray;
  /** Where the row begins in `target`. */
  readonly to: number;
}

/** Three sums side by side: faster than a loop over channels, and most images are RGB. */
function resampleRgb({ data, block, target, to }: RowTask, table: Table): void {
  const { starts, counts, weights, taps } = table;
  for (let index = block.from, out = to + index * 3; index < block.to; index++, out += 3) {
    let byte = (starts[index]! - block.start) * 3;
    const first = index * taps;
    const end = first + counts[index]!;
    let red = half;
    let green = half;
    let blue = half;
    for (let tap = first; tap < end; tap++, byte += 3) {
      const weight = weights[tap]!;
      red = (red + Math.imul(data[byte]!, weight)) | 0;
      green = (green + Math.imul(data[byte + 1]!, weight)) | 0;
      blue = (blue + Math.imul(data[byte + 2]!, weight)) | 0;
    }
    target[out] = red >> precisionBits;
    target[out + 1] = green >> precisionBits;
    target[out + 2] = blue >> precisionBits;
  }
}

function resampleAny({ data, channels, block, target, to }: RowTask, table: Table): void {
  const { starts, counts, weights, taps } = table;
  for (let index = block.from; index < block.to; index++) {
    const first = index * taps;
    const end = first + counts[index]!;
    for (let channel = 0; channel < channels; channel++) {
      let byte = (starts[index]! - block.start) * channels + channel;
      let sum = half;
      for (let tap = first; tap < end; tap++, byte += channels) {
        sum = (sum + Math.imul(data[byte]!, weights[tap]!)) | 0;
      }
      target[to + index * channels + channel] = sum >> precisionBits;
    }
  }
}

/** Makes as many rows as the table says; row 0 of `source` is row `firstRow` of the whole image. */
export function* resampleColumns(source: Plane, table: Table, firstRow: number): Yielding<Uint8Array> {
  const { width, channels } = source;
  const rowBytes = width * channels;
  const target = new Uint8ClampedArray(rowBytes * table.size);
  const length = Math.max(4, Math.floor((pixelsAtATime * 4) / table.taps) & ~3);
  let weighed = 0;
  for (let index = 0; index < table.size; index++) {
    const from = (table.starts[index]! - firstRow) * rowBytes;
    for (let start = 0; start < rowBytes; start += length) {
      const end = Math.min(start + length, rowBytes);
      const task: ColumnTask = { index, from, rowBytes, target, end };
      const done = weighBlocks(source.data, table, { ...task, start });
      weighBytes(source.data, table, { ...task, start: done });
      weighed += end - start;
      if (weighed < length) continue;
      weighed = 0;
      yield;
    }
  }
  return new Uint8Array(target.buffer);
}

interface ColumnTask {
  /** Output row. */
  readonly index: number;
  /** First byte of its first source row. */
  readonly from: number;
  readonly rowBytes: number;
  readonly target: Uint8ClampedArray;
  /** One after the last byte of the row to make. */
  readonly end: number;
}

type ColumnPart = ColumnTask & { readonly start: number };

/** Four neighbouring bytes share a weight: twice as fast as one by one. Returns where it stopped. */
function weighBlocks(data: Uint8Array, table: Table, task: ColumnPart): number {
  const { index, from, rowBytes, target, start, end } = task;
  const { weights, taps, counts } = table;
  const first = index * taps;
  const last = first + counts[index]!;
  let byte = start;
  for (; byte + 4 <= end; byte += 4) {
    let source = from + byte;
    let sum0 = half;
    let sum1 = half;
    let sum2 = half;
    let sum3 = half;
    for (let tap = first; tap < last; tap++, source += rowBytes) {
      const weight = weights[tap]!;
      sum0 = (sum0 + Math.imul(data[source]!, weight)) | 0;
      sum1 = (sum1 + Math.imul(data[source + 1]!, weight)) | 0;
      sum2 = (sum2 + Math.imul(data[source + 2]!, weight)) | 0;
      sum3 = (sum3 + Math.imul(data[source + 3]!, weight)) | 0;
    }
    const to = index * rowBytes + byte;
    target[to] = sum0 >> precisionBits;
    target[to + 1] = sum1 >> precisionBits;
    target[to + 2] = sum2 >> precisionBits;
    target[to + 3] = sum3 >> precisionBits;
  }
  return byte;
}

/** The bytes of a row that fill no block of four. */
function weighBytes(data: Uint8Array, table: Table, task: ColumnPart): void {
  const { index, from, rowBytes, target, start, end } = task;
  const first = index * table.taps;
  const last = first + table.counts[index]!;
  for (let byte = start; byte < end; byte++) {
    let source = from + byte;
    let sum = half;
    for (let tap = first; tap < last; tap++, source += rowBytes) {
      sum = (sum + Math.imul(data[source]!, table.weights[tap]!)) | 0;
    }
    target[index * rowBytes + byte] = sum >> precisionBits;
  }
}
