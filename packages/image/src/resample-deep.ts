import type { Yielding } from "@clip-ts/base";
import { samplesOf } from "./color.ts";
import type { PixelSource } from "./pixel-source.ts";
import { deepSamples, type DeepMode, type Pixels } from "./pixels.ts";
import type { Axis, ResampleTable } from "./resample-table.ts";
import { blocksOf, type Plane } from "./resample.ts";

/**
 * The source pixel of each wanted output pixel of an axis: steps added up one by one, as Pillow does; of 16-bit samples
 * each place by itself.
 */
function nearest({ inputSize, box, outputSize, crop }: Axis, isAddedUp: boolean): Int32Array {
  const [start, end] = box.map(Math.fround) as [number, number]; // Pillow keeps floats
  const step = Math.fround(end - start) / outputSize;
  const places = new Int32Array(crop[1] - crop[0]);
  let place = start + step * 0.5;
  for (let index = 0; index < crop[1]; index++, place += step) {
    if (!isAddedUp) place = step * (index + 0.5) + start;
    if (index >= crop[0]) places[index - crop[0]] = Math.min(Math.trunc(place), inputSize - 1);
  }
  return places;
}

/** Every output pixel is one of the source's, the one that its middle falls on. */
export function* resampleNearest(
  source: PixelSource,
  [horizontal, vertical]: readonly [Axis, Axis],
  mode: Pixels["mode"],
): Yielding<Uint8Array> {
  const { channels, first, stride } = source;
  const columns = nearest(horizontal, mode !== "I;16");
  const rows = nearest(vertical, mode !== "I;16");
  const data = new Uint8Array(rows.length * columns.length * channels);
  const [start, end] = [columns[0]!, columns.at(-1)! + 1];
  let to = 0;
  for (const row of rows) {
    const pixel = first + row * stride;
    const bytes = source.read(pixel + start, pixel + end);
    for (const column of columns) {
      const from = (column - start) * channels;
      for (let channel = 0; channel < channels; channel++) data[to++] = bytes[from + channel]!;
    }
    yield;
  }
  return data;
}

type Samples = Uint16Array | Int32Array | Float32Array;

const roundAwayFromZero = (sum: number): number => Math.trunc(sum + (sum >= 0 ? 0.5 : -0.5));

/** Its two bytes are cut each by itself, so what is above 65535 keeps its low byte. */
function cutBytes(sum: number): number {
  const whole = roundAwayFromZero(sum);
  const high = Math.min(Math.max(whole >> 8, 0), 255);
  return (high << 8) | Math.max(whole % 256, 0);
}

/** What becomes of a sum of samples times weights, in Pillow. */
const rounding: Readonly<Record<DeepMode, (sum: number) => number>> = {
  "I;16": cutBytes,
  I: roundAwayFromZero,
  F: (sum) => sum, // the array rounds it to float32
};

/** Samples that lie `step` apart, weighed for one output. */
interface Sum {
  readonly samples: Samples;
  readonly from: number;
  readonly step: number;
}

function weigh({ samples, from, step }: Sum, { counts, weights, taps }: ResampleTable, index: number): number {
  let sum = 0;
  const first = index * taps;
  const end = first + counts[index]!;
  for (let tap = first, at = from; tap < end; tap++, at += step) sum += samples[at]! * weights[tap]!;
  return sum;
}

/** Makes the rows of a source of deep samples as wide as the table says, those from `rows[0]` to `rows[1]`. */
export function* resampleDeepRows(
  source: PixelSource,
  table: ResampleTable,
  rows: readonly [start: number, end: number],
  mode: DeepMode,
): Yielding<Uint8Array> {
  const { size, starts } = table;
  const round = rounding[mode];
  const target = new deepSamples[mode](size * (rows[1] - rows[0]));
  const blocks = blocksOf(table);
  for (let row = rows[0]; row < rows[1]; row++) {
    const pixel = source.first + row * source.stride;
    for (const block of blocks) {
      const samples = samplesOf(source.read(pixel + block.start, pixel + block.end), mode);
      for (let index = block.from; index < block.to; index++) {
        const sum = weigh({ samples, from: starts[index]! - block.start, step: 1 }, table, index);
        target[(row - rows[0]) * size + index] = round(sum);
      }
      yield;
    }
  }
  return new Uint8Array(target.buffer);
}

/** Makes as many rows as the table says; row 0 of `data` is row `firstRow` of the whole image. */
export function* resampleDeepColumns(
  { data, width }: Plane,
  table: ResampleTable,
  firstRow: number,
  mode: DeepMode,
): Yielding<Uint8Array> {
  const { size, starts } = table;
  const round = rounding[mode];
  const samples = samplesOf(data, mode);
  const target = new deepSamples[mode](size * width);
  for (let index = 0; index < size; index++) {
    const from = (starts[index]! - firstRow) * width;
    for (let column = 0; column < width; column++) {
      const sum = weigh({ samples, from: from + column, step: width }, table, index);
      target[index * width + column] = round(sum);
    }
    yield;
  }
  return new Uint8Array(target.buffer);
}
