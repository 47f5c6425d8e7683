import type { Yielding } from "@clip-ts/base";
import { colorsOf } from "./color.ts";
import { pixelSource, type PixelSource } from "./pixel-source.ts";
import type { Pixels } from "./pixels.ts";

/** Four bytes a pixel, colours times alpha, with a rim of transparent pixels to read beyond the edge. */
export interface Texture {
  readonly data: Uint8Array;
  /** Pixels in a row, rim included. */
  readonly stride: number;
  /** Without the rim. */
  readonly width: number;
  /** Without the rim. */
  readonly height: number;
}

/** Pixels of a row that are made before it may yield. */
const columnsAtATime = 2 ** 17;

/** Columns of a texture, from the first up to the last, left out. */
type Columns = readonly [start: number, end: number];

/** Makes the pixels of a row's columns, from the start of `target`. */
type MakeRow = (row: number, columns: Columns, target: Uint8Array) => void;

/** Grey or colours with an alpha of 255. Returns where it stopped. */
function layOpaque(data: Uint8Array, channels: number, target: Uint8Array): number {
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  let to = 0;
  for (let from = 0; from < data.length; from += channels, to += 4) {
    target[to] = data[from]!;
    target[to + 1] = data[from + green]!;
    target[to + 2] = data[from + blue]!;
    target[to + 3] = 255;
  }
  return to;
}

/** Colours times alpha, and alpha. Returns where it stopped. */
function layTranslucent(data: Uint8Array, target: Uint8Array): number {
  for (let byte = 0; byte < data.length; byte += 4) {
    const alpha = data[byte + 3]!;
    for (let color = byte; color < byte + 3; color++) {
      target[color] = alpha === 255 ? data[color]! : Math.round((data[color]! * alpha) / 255);
    }
    target[byte + 3] = alpha;
  }
  return data.length;
}

/** The image's pixels as a texture holds them; below the image there are transparent ones. */
function rowsOf(source: PixelSource): MakeRow {
  const { channels, first, stride, width, height } = source;
  return (row, [start, end], target) => {
    const last = Math.min(end, width);
    if (row >= height || last <= start) return void target.fill(0, 0, 4 * (end - start));
    const data = source.read(first + row * stride + start, first + row * stride + last);
    const to = channels === 4 ? layTranslucent(data, target) : layOpaque(data, channels, target);
    target.fill(0, to, 4 * (end - start));
  };
}

/** Pixels of a texture, the rim below it and beside it included. */
function rowsOfTexture({ data, stride }: Texture): MakeRow {
  return (row, [start, end], target) => {
    const first = (row + 1) * stride + 1;
    target.set(data.subarray(4 * (first + start), 4 * (first + end)));
  };
}

/** Two rows become one half as long, each pixel the mean of four. */
function halvedRows(rows: MakeRow): MakeRow {
  const upper = new Uint8Array(8 * columnsAtATime);
  const lower = new Uint8Array(8 * columnsAtATime);
  return (row, [start, end], target) => {
    rows(2 * row, [2 * start, 2 * end], upper);
    rows(2 * row + 1, [2 * start, 2 * end], lower);
    for (let to = 0, from = 0; to < 4 * (end - start); to += 4, from += 8) {
      target[to] = (upper[from]! + upper[from + 4]! + lower[from]! + lower[from + 4]! + 2) >> 2;
      target[to + 1] = (upper[from + 1]! + upper[from + 5]! + lower[from + 1]! + lower[from + 5]! + 2) >> 2;
      target[to + 2] = (upper[from + 2]! + upper[from + 6]! + lower[from + 2]! + lower[from + 6]! + 2) >> 2;
      target[to + 3] = (upper[from + 3]! + upper[from + 7]! + lower[from + 3]! + lower[from + 7]! + 2) >> 2;
    }
  };
}

function* textureFrom(rows: MakeRow, width: number, height: number): Yielding<Texture> {
  const stride = width + 2;
  const data = new Uint8Array(4 * stride * (height + 2));
  for (let row = 0; row < height; row++) {
    for (let start = 0; start < width; start += columnsAtATime) {
      const end = Math.min(start + columnsAtATime, width);
      rows(row, [start, end], data.subarray(4 * ((row + 1) * stride + 1 + start)));
      yield;
    }
  }
  return { data, stride, width, height };
}

/** Textures of images in use, by halvings: training sees them many times. */
const kept = new WeakMap<Uint8Array, Map<string, Texture>>();

function* makeTexture(pixels: Pixels, halvings: number): Yielding<Texture> {
  if (halvings === 0) {
    const rows = rowsOf(pixelSource(pixels, mapOf(pixels)));
    return yield* textureFrom(rows, pixels.width, pixels.height);
  }
  const [width, height] = [pixels.width, pixels.height].map((side) => Math.ceil(side / 2 ** halvings));
  // The whole image is four times as large as its half: it is not kept for the half's sake.
  const rows =
    halvings === 1 ? rowsOf(pixelSource(pixels, mapOf(pixels))) : rowsOfTexture(yield* textureOf(pixels, halvings - 1));
  return yield* textureFrom(halvedRows(rows), width!, height!);
}

/** Inks and deep samples become colours; alpha stays, unless the image's file only names it. */
function mapOf(pixels: Pixels): ReturnType<typeof colorsOf> {
  return pixels.channels === 4 && pixels.mode === undefined ? undefined : colorsOf(pixels);
}

/**
 * The image halved so many times (Williams 1983, "Pyramidal parametrics"): what a view that shrinks it
 * reads, so that it is no sieve of pixels. An odd last row or column meets the rim. Kept as long as the
 * image's bytes are.
 */
export function* textureOf(pixels: Pixels, halvings: number): Yielding<Texture> {
  const textures = kept.get(pixels.data) ?? new Map<string, Texture>();
  kept.set(pixels.data, textures);
  const key = `${pixels.mode ?? ""} ${pixels.width} ${pixels.channels} ${halvings}`;
  const known = textures.get(key);
  if (known !== undefined) return known;
  const made = yield* makeTexture(pixels, halvings);
  textures.set(key, made);
  return made;
}
