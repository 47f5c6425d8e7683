import type { Yielding } from "@clip-ts/base";
import type { PixelSource } from "./pixel-source.ts";
import type { ResampleTable } from "./resample-table.ts";
import { wasmResampler, type WasmResampler } from "./resample-wasm.ts";
import { resampleColumns, resampleRows, type Plane } from "./resample.ts";

type Table = ResampleTable<Int32Array>;

/** Most bytes of source or result that are in WebAssembly's memory at a time. */
const areaBytes = 2 ** 19;
/** Most bytes of a table there: more than an image of 200,000 pixels a side has. */
const mostTableBytes = 2 ** 22;
/** What passes read beyond their rows: the rest of a block, after one row more. */
const slack = 32;

/** A table as WebAssembly reads it, and where the areas for pixels lie behind it. */
interface Job {
  readonly resampler: WasmResampler;
  readonly records: Int32Array;
  readonly recordBytes: number;
  /** Where source rows begin. */
  readonly source: number;
  /** Where made rows begin. */
  readonly target: number;
}

/** Undefined where WebAssembly is missing, or the table or the memory is too large for it. */
function jobFor(table: Table, rowBytes: number): Job | undefined {
  const words = 2 + ((table.taps + 3) & ~3); // a record: first, pairs, weights of whole blocks of four
  const tableBytes = (4 * words * table.size + 15) & ~15;
  if (tableBytes > mostTableBytes || rowBytes > areaBytes) return undefined;
  const source = tableBytes;
  const target = (source + areaBytes + rowBytes + slack + 15) & ~15;
  const resampler = wasmResampler();
  if (resampler?.reserve(target + areaBytes + slack) !== true) return undefined;
  return { resampler, records: recordsOf(table, words), recordBytes: 4 * words, source, target };
}

/** First pixel, number of pairs, then weights pair by pair: upper halves, lower halves (signed). */
function recordsOf({ size, starts, counts, weights, taps }: Table, words: number): Int32Array {
  const records = new Int32Array(size * words);
  for (let index = 0; index < size; index++) {
    const record = index * words;
    const count = counts[index]!;
    records[record] = starts[index]!;
    records[record + 1] = (count + 1) >> 1;
    for (let tap = 0; tap < count; tap += 2) {
      const first = weights[index * taps + tap]!;
      const second = tap + 1 < count ? weights[index * taps + tap + 1]! : 0;
      records[record + 2 + tap] = (((first + 0x80_00) >> 16) & 0xff_ff) | ((second + 0x80_00) & ~0xff_ff);
      records[record + 3 + tap] = (first & 0xff_ff) | (second << 16);
    }
  }
  return records;
}

/** `resampleRows`, in WebAssembly where it can be. */
export function* resampleByteRows(
  source: PixelSource,
  table: Table,
  rows: readonly [start: number, end: number],
): Yielding<Uint8Array> {
  const { channels } = source;
  const { size, starts, counts } = table;
  const columns = [starts[0]!, starts[size - 1]! + counts[size - 1]!] as const;
  const rowBytes = (columns[1] - columns[0]) * channels;
  const madeBytes = size * channels;
  const shifted = { ...table, starts: starts.map((start) => start - columns[0]) };
  const job = jobFor(shifted, Math.max(rowBytes, madeBytes));
  if (job === undefined) return yield* resampleRows(source, table, rows);
  const { acrossGrey, acrossRgb, acrossFour } = job.resampler.passes;
  const pass = { 1: acrossGrey, 3: acrossRgb, 4: acrossFour }[channels]!;
  const made = new Uint8Array(madeBytes * (rows[1] - rows[0]));
  const step = Math.floor(areaBytes / Math.max(rowBytes, madeBytes));
  for (let row = rows[0]; row < rows[1]; row += step) {
    const count = Math.min(step, rows[1] - row);
    const memory = job.resampler.withRecords(job.records);
    copyRows(source, { row, count, columns }, memory.subarray(job.source));
    pass(job.source, rowBytes, job.target, count, 0, job.recordBytes, size);
    made.set(memory.subarray(job.target, job.target + count * madeBytes), (row - rows[0]) * madeBytes);
    yield;
  }
  return made;
}

/** Writes columns of rows one after the other. */
function copyRows(
  { first, stride, channels, isStored, read }: PixelSource,
  { row, count, columns }: { row: number; count: number; columns: readonly [start: number, end: number] },
  target: Uint8Array,
): void {
  const width = columns[1] - columns[0];
  const pixel = first + row * stride + columns[0];
  if (isStored && width === stride) return target.set(read(pixel, pixel + count * width));
  for (let index = 0; index < count; index++) {
    const start = pixel + index * stride;
    target.set(read(start, start + width), index * width * channels);
  }
}

/** `resampleColumns`, in WebAssembly where it can be. */
export function* resampleByteColumns(source: Plane, table: Table, firstRow: number): Yielding<Uint8Array> {
  const { size, taps } = table;
  const rowBytes = source.width * source.channels;
  const stripBytes = Math.min(rowBytes, Math.floor(areaBytes / taps) & ~15);
  const job = stripBytes === 0 ? undefined : jobFor(table, stripBytes);
  if (job === undefined) return yield* resampleColumns(source, table, firstRow);
  const made = new Uint8Array(rowBytes * size);
  for (const band of bandsOf(table, Math.floor(areaBytes / stripBytes))) {
    for (let start = 0; start < rowBytes; start += stripBytes) {
      const end = Math.min(start + stripBytes, rowBytes);
      makeStrip({ data: source.data, made, rowBytes, firstRow }, job, { ...band, start, end });
      yield;
    }
  }
  return made;
}

/** Neighbouring rows of a result, and the source rows they are made of. */
interface Band {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly bottom: number;
}

/** Cuts a result into bands that have and read `rows` rows at most. */
function bandsOf({ size, starts, counts }: Table, rows: number): Band[] {
  const bands: Band[] = [];
  const bottomOf = (index: number): number => starts[index]! + counts[index]!;
  for (let from = 0; from < size;) {
    const top = starts[from]!;
    let to = from + 1;
    while (to < size && to - from < rows && bottomOf(to) - top <= rows) to++;
    bands.push({ from, to, top, bottom: bottomOf(to - 1) });
    from = to;
  }
  return bands;
}

interface Planes {
  readonly data: Uint8Array;
  readonly made: Uint8Array;
  readonly rowBytes: number;
  /** Row of the whole image that `data` begins with. */
  readonly firstRow: number;
}

/** Makes the bytes of a band's rows from `start` up to `end`. */
function makeStrip(
  { data, made, rowBytes, firstRow }: Planes,
  { resampler, records, recordBytes, source, target }: Job,
  { from, to, top, bottom, start, end }: Band & { readonly start: number; readonly end: number },
): void {
  const width = end - start;
  const memory = resampler.withRecords(records);
  copyStrips({ from: data, at: (top - firstRow) * rowBytes + start, stride: rowBytes }, [width, bottom - top], {
    to: memory,
    at: source,
    stride: width,
  });
  resampler.passes.down(source, width, top, target, from * recordBytes, recordBytes, to - from);
  copyStrips({ from: memory, at: target, stride: width }, [width, to - from], {
    to: made,
    at: from * rowBytes + start,
    stride: rowBytes,
  });
}

function copyStrips(
  source: { readonly from: Uint8Array; readonly at: number; readonly stride: number },
  [width, rows]: readonly [width: number, rows: number],
  target: { readonly to: Uint8Array; readonly at: number; readonly stride: number },
): void {
  const isWhole = source.stride === width && target.stride === width;
  const [length, pieces] = isWhole ? [width * rows, 1] : [width, rows];
  for (let piece = 0; piece < pieces; piece++) {
    const at = source.at + piece * source.stride;
    target.to.set(source.from.subarray(at, at + length), target.at + piece * target.stride);
  }
}
