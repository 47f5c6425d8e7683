import { ClipError } from "@clip-ts/base";

/** The ends of a range, both included. */
export type Range = readonly [low: number, high: number];

/** Throws "bad-config" unless low ≤ high, both within the limits. */
export function checkRange(name: string, [low, high]: Range, limits: Range): void {
  if (low >= limits[0] && low <= high && high <= limits[1]) return;
  throw new ClipError(
    "bad-config",
    `${name} must be a range [low, high] within [${limits.join(", ")}], got [${low}, ${high}]`,
    { data: { name, low, high, limits } },
  );
}

/** Throws "bad-config" unless the number lies within the limits. */
export function checkWithin(name: string, value: number, limits: Range): void {
  if (value >= limits[0] && value <= limits[1]) return;
  throw new ClipError("bad-config", `${name} must be a number from ${limits.join(" to ")}, got ${value}`, {
    data: { name, value, limits },
  });
}

/** A number drawn evenly from the range. */
export function drawFrom([low, high]: Range, random: { uniform(): number }): number {
  return low + (high - low) * random.uniform();
}

/**
 * Pillow's filters by their names there: the nearest pixel; a box; a triangle; Hamming's window; cubic (Keys 1981
 * with a = -1/2); Lanczos' window of three lobes.
 */
export type Interpolation = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** All filters, from the narrowest to the widest. */
export const interpolations: readonly Interpolation[] = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"];

/** One axis of a resize. */
export interface Axis {
  /** Pixels of the whole source along this axis. */
  readonly inputSize: number;
  /** Part of the source that is mapped onto the output; the kernel may reach beyond it. */
  readonly box: readonly [start: number, end: number];
  /** Pixels that the box becomes. */
  readonly outputSize: number;
  /** Output pixels that are wanted. */
  readonly crop: readonly [start: number, end: number];
  readonly interpolation: Interpolation;
}

/** Weights with which source pixels make each wanted output pixel. */
export interface ResampleTable<Weights = Float64Array> {
  readonly size: number;
  /** First source pixel of each output pixel: [size]. */
  readonly starts: Int32Array;
  /** Number of source pixels of each output pixel: [size]. */
  readonly counts: Int32Array;
  /** [size, taps], the first `counts` of a row in use. */
  readonly weights: Weights;
  readonly taps: number;
}

/** 32 bits less 8 of a pixel less 2 for weights that sum to more than one before they cancel. */
export const precisionBits = 22;

/** How far a filter reaches, in pixels, and its weight at a distance. */
interface Kernel {
  readonly support: number;
  readonly weigh: (distance: number) => number;
}

/** The nearest pixel is chosen, not weighed; a table of it is a box's. */
const box: Kernel = { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };

const kernels: Readonly<Record<Interpolation, Kernel>> = {
  nearest: box,
  box,
  bilinear: { support: 1, weigh: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weigh: hammingKernel },
  bicubic: { support: 2, weigh: bicubicKernel },
  lanczos: { support: 3, weigh: lanczosKernel },
};

/**
 * The weights of Pillow's resize along one axis: the kernel is stretched by the shrink factor
 * (antialiasing), cut at the image's edge and made to sum to one.
 */
export function resampleTable(axis: Axis): ResampleTable {
  const { inputSize, box, outputSize, crop } = axis;
  const { support, weigh } = kernels[axis.interpolation];
  const [boxStart, boxEnd] = box.map(Math.fround) as [number, number]; // Pillow keeps floats
  const scale = Math.fround(boxEnd - boxStart) / outputSize;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const taps = Math.ceil(reach) * 2 + 1;
  const size = crop[1] - crop[0];
  const starts = new Int32Array(size);
  const counts = new Int32Array(size);
  const weights = new Float64Array(size * taps);
  for (let index = 0; index < size; index++) {
    const center = boxStart + (crop[0] + index + 0.5) * scale;
    const start = Math.max(Math.trunc(center - reach + 0.5), 0);
    const count = Math.min(Math.trunc(center + reach + 0.5), inputSize) - start;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = weigh((tap + start - center + 0.5) * (1 / stretch));
      weights[index * taps + tap] = weight;
      sum += weight;
    }
    if (sum === 0) sum = 1;
    for (let tap = 0; tap < count; tap++) weights[index * taps + tap]! /= sum;
    starts[index] = start;
    counts[index] = count;
  }
  return { size, starts, counts, weights, taps };
}

function bicubicKernel(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** sin(πx) / (πx). */
function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return Math.sin(angle) / angle;
}

function hammingKernel(distance: number): number {
  const x = Math.abs(distance);
  return x >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(x * Math.PI));
}

function lanczosKernel(x: number): number {
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

/** The table with weights times 2^22 in whole numbers, with which Pillow resizes bytes. */
export function inFixedPoint(table: ResampleTable): ResampleTable<Int32Array> {
  const one = 1 << precisionBits;
  const weights = new Int32Array(table.weights.length); // a loop: Int32Array.from takes ten times as long
  for (let index = 0; index < weights.length; index++) {
    const weight = table.weights[index]!;
    weights[index] = weight * one + (weight < 0 ? -0.5 : 0.5); // cut to whole numbers
  }
  return { ...table, weights };
}
