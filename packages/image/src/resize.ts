import { ClipError, runThrough, type Yielding } from "@clip-ts/base";
import { premultiplied, unpremultiply, type PixelMap } from "./color.ts";
import { bytesOf, collect, pixelSource, type PixelSource, type Rectangle } from "./pixel-source.ts";
import { checkPixels, checkSize, isDeep, type Pixels } from "./pixels.ts";
import { resampleDeepColumns, resampleDeepRows, resampleNearest } from "./resample-deep.ts";
import { inFixedPoint, resampleTable, type Axis, type Interpolation, type ResampleTable } from "./resample-table.ts";
import { resampleByteColumns, resampleByteRows } from "./resample-bytes.ts";
import type { Plane } from "./resample.ts";

/** What a resize makes. */
export interface ResizeOptions {
  /** Width of the whole result. */
  readonly width: number;
  /** Height of the whole result. */
  readonly height: number;
  readonly interpolation: Interpolation;
  /**
   * Part of the source to enlarge or shrink: left, top, right, bottom, fractions allowed. As in
   * Pillow the kernel still sees pixels outside it. Default: all.
   */
  readonly box?: readonly [left: number, top: number, right: number, bottom: number];
  /** Part of the result to compute: the same bytes as cropping afterwards, for less work. */
  readonly crop?: Rectangle;
}

/** A resize of a part of an image, which is all that the kernel sees. */
export interface ResizePart extends ResizeOptions {
  /** The part. Default: all. */
  readonly area?: Rectangle;
  /** Makes the pixels that are resized of those that are stored; the result has no mode then. */
  readonly map?: PixelMap | undefined;
}

/**
 * Resizes byte for byte as Pillow's `Image.resize` does in the image's mode: antialiased, 22-bit fixed
 * point, across then down with rounding to bytes between (down first where it makes a very high image
 * lower), alpha premultiplied meanwhile. Indexed images give the nearest pixel whatever `interpolation`
 * says; deep ones are weighed in float64.
 */
export function resize(pixels: Pixels, options: ResizeOptions): Pixels {
  checkPixels(pixels);
  return runThrough(resizing(pixels, options));
}

/** `resize` in steps. */
export function* resizing(pixels: Pixels, options: ResizePart): Yielding<Pixels> {
  const { area = wholeOf(pixels), map } = options;
  const crop = cropOf(options);
  checkSize("width", options.width);
  checkSize("height", options.height);
  checkInside(crop, options);
  const axes = axesOf(area, options, crop);
  const { width, height } = crop;
  const { channels, mode } = map === undefined ? pixels : { channels: map.channels, mode: undefined };
  const result = { width, height, channels, ...(mode === undefined ? {} : { mode }) };
  if (axes.every(isCopy)) {
    const part = { left: area.left + crop.left, top: area.top + crop.top, width, height };
    return { data: yield* collect(pixelSource(pixels, map, part)), ...result };
  }
  if (mode === "indexed" || options.interpolation === "nearest") {
    return { data: yield* resampleNearest(pixelSource(pixels, map, area), axes, mode), ...result };
  }
  return { data: yield* resampleWeighed(pixels, { area, map }, axes), ...result };
}

/** The bytes of a part that is weighed pixel by pixel, colours by alpha if there is some. */
function* resampleWeighed(
  pixels: Pixels,
  { area, map }: { readonly area: Rectangle; readonly map: PixelMap | undefined },
  axes: readonly [Axis, Axis],
): Yielding<Uint8Array> {
  const mode = map === undefined ? pixels.mode : undefined;
  const isTranslucent = mode === undefined && map === undefined && pixels.channels === 4;
  const source = pixelSource(pixels, isTranslucent ? premultiplied : map, area);
  const data = yield* resampleBoth(source, axes, passesFor(mode));
  if (isTranslucent) unpremultiply(data);
  return data;
}

/** The wanted part of the whole result. */
function cropOf({ width, height, crop }: ResizeOptions): Rectangle {
  return crop ?? { left: 0, top: 0, width, height };
}

function wholeOf({ width, height }: Pixels): Rectangle {
  return { left: 0, top: 0, width, height };
}

function axesOf(
  area: Rectangle,
  { box = [0, 0, area.width, area.height], width, height, interpolation }: ResizeOptions,
  crop: Rectangle,
): readonly [horizontal: Axis, vertical: Axis] {
  checkBox(box, area);
  return [
    {
      inputSize: area.width,
      box: [box[0], box[2]],
      outputSize: width,
      crop: [crop.left, crop.left + crop.width],
      interpolation,
    },
    {
      inputSize: area.height,
      box: [box[1], box[3]],
      outputSize: height,
      crop: [crop.top, crop.top + crop.height],
      interpolation,
    },
  ];
}

/** Whether output pixels are source pixels: such an axis needs no arithmetic. */
function isCopy({ box, inputSize, outputSize }: Axis): boolean {
  return box[0] === 0 && box[1] === inputSize && inputSize === outputSize;
}

/** The two passes over samples of one kind. */
interface Passes {
  across(source: PixelSource, table: ResampleTable, rows: readonly [start: number, end: number]): Yielding<Uint8Array>;
  down(plane: Plane, table: ResampleTable, firstRow: number): Yielding<Uint8Array>;
}

function passesFor(mode: Pixels["mode"]): Passes {
  if (!isDeep(mode)) {
    return {
      across: (source, table, rows) => resampleByteRows(source, inFixedPoint(table), rows),
      down: (plane, table, firstRow) => resampleByteColumns(plane, inFixedPoint(table), firstRow),
    };
  }
  return {
    across: (source, table, rows) => resampleDeepRows(source, table, rows, mode),
    down: (plane, table, firstRow) => resampleDeepColumns(plane, table, firstRow, mode),
  };
}

/** The source rows that an output reads, and so all that have to be made for it. */
function rowsRead(axis: Axis, table: ResampleTable): readonly [start: number, end: number] {
  if (isCopy(axis)) return axis.crop;
  return [table.starts[0]!, table.starts.at(-1)! + table.counts.at(-1)!];
}

/** The rows of a source from `rows[0]` to `rows[1]`, of its columns those from `columns[0]`. */
function partOf(
  source: PixelSource,
  rows: readonly [start: number, end: number],
  columns: readonly [start: number, end: number] = [0, source.width],
): PixelSource {
  const first = source.first + rows[0] * source.stride + columns[0];
  return { ...source, first, width: columns[1] - columns[0], height: rows[1] - rows[0] };
}

function* resampleBoth(
  source: PixelSource,
  [horizontal, vertical]: readonly [Axis, Axis],
  passes: Passes,
): Yielding<Uint8Array> {
  const { channels } = source;
  const columns = resampleTable(vertical);
  const rows = rowsRead(vertical, columns);
  const isDownFirst = source.height > source.width * 100 && vertical.outputSize < source.height;
  if (isDownFirst) {
    const data = yield* bytesOf(partOf(source, rows));
    const lower = yield* passes.down({ data, width: source.width, channels }, columns, rows[0]);
    const { length: height } = columns.starts;
    const place = { width: source.width, height, first: 0, stride: source.width };
    const read = (start: number, end: number): Uint8Array => lower.subarray(start * channels, end * channels);
    const middle: PixelSource = { ...place, channels, isStored: true, read };
    if (isCopy(horizontal)) return yield* collect(partOf(middle, [0, height], horizontal.crop));
    return yield* passes.across(middle, resampleTable(horizontal), [0, height]);
  }
  const data = isCopy(horizontal)
    ? yield* bytesOf(partOf(source, rows, horizontal.crop))
    : yield* passes.across(source, resampleTable(horizontal), rows);
  if (isCopy(vertical)) return data;
  const width = horizontal.crop[1] - horizontal.crop[0];
  return yield* passes.down({ data, width, channels }, columns, rows[0]);
}

/** A copy of the pixels inside the rectangle, which must lie within the image. */
export function cropRows(pixels: Pixels, rectangle: Rectangle): Pixels {
  const { width, height } = rectangle;
  const data = runThrough(collect(pixelSource(pixels, undefined, rectangle)));
  return { ...pixels, data, width, height };
}

/** Throws "bad-argument" unless the rectangle is made of whole pixels of the image. */
export function checkInside(
  { left, top, width, height }: Rectangle,
  image: { readonly width: number; readonly height: number },
): void {
  const isInside =
    [left, top, width, height].every(Number.isSafeInteger) &&
    Math.min(left, top) >= 0 &&
    Math.min(width, height) > 0 &&
    left + width <= image.width &&
    top + height <= image.height;
  if (isInside) return;
  throw new ClipError(
    "bad-argument",
    `A crop must lie inside the image of ${image.width} x ${image.height}, ` +
      `got left ${left}, top ${top}, width ${width}, height ${height}`,
    { data: { left, top, width, height, imageWidth: image.width, imageHeight: image.height } },
  );
}

function checkBox([left, top, right, bottom]: readonly number[], { width, height }: Rectangle): void {
  const isInside = left! >= 0 && top! >= 0 && right! <= width && bottom! <= height;
  if (isInside && left! < right! && top! < bottom!) return;
  throw new ClipError(
    "bad-argument",
    `A box is left, top, right, bottom inside the image of ${width} x ${height}, ` +
      `got ${[left, top, right, bottom].join(", ")}`,
    { data: { left, top, right, bottom, width, height } },
  );
}
