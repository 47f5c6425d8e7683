import type { Steps } from "@clip-ts/base";
import { samplesOf } from "./colors-of.ts";
import { deepSamples, type DeepMode } from "./pixels.ts";
import type { PixelSource } from "./pixel-source.ts";
import { blocksOf, type Plane } from "./resample.ts";
import type { ResampleTable } from "./resample-table.ts";

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

function weigh(
  { samples, from, step }: Sum,
  { counts, weights, taps }: ResampleTable,
  index: number,
): number {
  let sum = 0;
  const first = index * taps;
  const end = first + counts[index]!;
  for (let tap = first, at = from; tap < end; tap++, at += step)
    sum += samples[at]! * weights[tap]!;
  return sum;
}

/** Makes the rows of a source of deep samples as wide as the table says, those from `rows[0]` to `rows[1]`. */
export function* resampleDeepRows(
  source: PixelSource,
  table: ResampleTable,
  rows: readonly [start: number, end: number],
  mode: DeepMode,
): Steps<Uint8Array> {
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
): Steps<Uint8Array> {
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
