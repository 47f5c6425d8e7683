import { runThrough, type Yielding } from "@clip-ts/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { premultiplied } from "./color.ts";
import { pixelSource } from "./pixel-source.ts";
import type { Pixels } from "./pixels.ts";
import { resampleByteColumns, resampleByteRows } from "./resample-bytes.ts";
import { inFixedPoint, resampleTable, type Axis, type ResampleTable } from "./resample-table.ts";
import { wasmResampler } from "./resample-wasm.ts";
import { resampleColumns, resampleRows } from "./resample.ts";

type Table = ResampleTable<Int32Array>;

const share = fc.double({ min: 0, max: 1, noNaN: true });
const channels = fc.constantFrom(1 as const, 3 as const, 4 as const);

/** Axes of any source, box, size and crop. */
function axes(longest: number): fc.Arbitrary<Axis> {
  const size = fc.integer({ min: 1, max: longest });
  const interpolation = fc.constantFrom("bicubic" as const, "bilinear" as const);
  return fc.tuple(size, size, interpolation, fc.tuple(share, share, share, share)).map((drawn) => {
    const [inputSize, outputSize, interpolation, [one, other, first, last]] = drawn;
    const [start, end] = [one * inputSize, other * inputSize].toSorted((a, b) => a - b) as [number, number];
    const box = Math.fround(end) > Math.fround(start) ? ([start, end] as const) : ([0, inputSize] as const);
    const from = Math.floor(first * (outputSize - 1));
    const crop = [from, from + 1 + Math.floor(last * (outputSize - from - 1))] as const;
    return { inputSize, box, outputSize, crop, interpolation };
  });
}

/** Half of the images are only black and white, which clips sums both ways. */
function image(width: number, height: number, channels: 1 | 3 | 4, seed: number): Pixels {
  const make = (_: unknown, index: number): number => {
    const byte = Math.imul(index + seed, 2_654_435_761) >>> 24;
    if (seed % 2 === 0) return byte;
    return byte > 127 ? 255 : 0;
  };
  return { data: Uint8Array.from({ length: width * height * channels }, make), width, height, channels };
}

/** Whatever 32 bits hold, of weights no resize has. */
function wild(table: Table, seed: number): Table {
  const extremes = [-(2 ** 31), 2 ** 31 - 1, 2 ** 31 - 2 ** 15, -1, 0, 1, -(2 ** 15), 2 ** 15, 2 ** 15 - 1];
  const draw = (_: number, index: number): number => {
    const bits = Math.imul(index + seed, 2_246_822_519) ^ Math.imul(seed, 3_266_489_917);
    return bits % 3 === 0 ? extremes[Math.abs(bits >> 4) % extremes.length]! : bits;
  };
  return { ...table, weights: table.weights.map(draw) };
}

function same(steps: Yielding<Uint8Array>, others: Yielding<Uint8Array>): Uint8Array {
  const made = runThrough(steps);
  expect(Buffer.compare(made, runThrough(others))).toBe(0);
  return made;
}

function rowsRead({ starts, counts }: Table): [start: number, end: number] {
  return [starts[0]!, starts.at(-1)! + counts.at(-1)!];
}

test("WebAssembly's bytes are JavaScript's, for any size, box, crop, channels and weights", () => {
  expect(wasmResampler(), "this runtime has WebAssembly with SIMD").toBeDefined();
  const seed = fc.integer({ min: 1, max: 1e6 });
  const drawn = [axes(90), axes(60), channels, seed, fc.boolean(), fc.boolean()] as const;
  const seen = new Set<number>();
  fc.assert(
    fc.property(...drawn, (...values) => {
      const [across, down, channels, seed, isWild, isMapped] = values;
      const pixels = image(across.inputSize, down.inputSize, channels, seed);
      const [columns, rows] = [across, down].map((axis) => {
        const table = inFixedPoint(resampleTable(axis));
        return isWild ? wild(table, seed) : table;
      }) as [Table, Table];
      const source = pixelSource(pixels, isMapped && channels === 4 ? premultiplied : undefined);
      const read = rowsRead(rows);
      const data = same(resampleByteRows(source, columns, read), resampleRows(source, columns, read));
      const plane = { data, width: columns.size, channels };
      const made = same(resampleByteColumns(plane, rows, read[0]), resampleColumns(plane, rows, read[0]));
      for (const byte of made) seen.add(byte);
    }),
    { numRuns: 400 },
  );
  expect([0, 255].every((byte) => seen.has(byte)) && seen.size > 200).toBe(true);
});

test.each([
  ["many chunks of rows", [1500, 700], [200, 150]],
  ["enlarged", [40, 30], [1700, 1300]],
  ["rows of many columns, made of few", [9000, 40], [300, 7]],
  ["columns in strips", [3000, 900], [3000, 3]],
  ["rows longer than an area", [180_000, 3], [90, 2]],
  ["a table too large", [300_000, 2], [2, 2]],
  ["result rows longer than an area", [3, 3], [180_000, 2]],
] as const)("%s: the same bytes", (_name, [width, height], [newWidth, newHeight]) => {
  const axis = (inputSize: number, outputSize: number): Table =>
    inFixedPoint(
      resampleTable({
        inputSize,
        box: [0, inputSize],
        outputSize,
        crop: [0, outputSize],
        interpolation: "bicubic",
      }),
    );
  const [columns, rows] = [axis(width, newWidth), axis(height, newHeight)];
  const source = pixelSource(image(width, height, 3, 1));
  const read = [0, height] as const;
  const data = same(resampleByteRows(source, columns, read), resampleRows(source, columns, read));
  const plane = { data, width: newWidth, channels: 3 };
  same(resampleByteColumns(plane, rows, 0), resampleColumns(plane, rows, 0));
});

test("two resizes in turns on one thread do not disturb each other", () => {
  const table = (outputSize: number): Table =>
    inFixedPoint(
      resampleTable({
        inputSize: 1000,
        box: [0, 1000],
        outputSize,
        crop: [0, outputSize],
        interpolation: "bilinear",
      }),
    );
  const source = pixelSource(image(1000, 1000, 3, 2));
  const works = [300, 77].map((size) => resampleByteRows(source, table(size), [0, 1000]));
  const results: Uint8Array[] = [];
  let turns = 0;
  while (results.length < 2) {
    works.forEach((work, index) => {
      const step = work.next();
      turns++;
      if (step.done === true && step.value !== undefined) results[index] = step.value;
    });
  }
  expect(turns).toBeGreaterThan(8);
  expect(Buffer.compare(results[0]!, runThrough(resampleRows(source, table(300), [0, 1000])))).toBe(0);
  expect(Buffer.compare(results[1]!, runThrough(resampleRows(source, table(77), [0, 1000])))).toBe(0);
});
