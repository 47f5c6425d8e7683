import type { Yielding } from "@clip-ts/base";
import type { PixelMap } from "./color.ts";
import { bytesPerPixel, type Pixels } from "./pixels.ts";

/** Whole pixels. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A part of an image, of which pixels are made when they are read. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel. */
  readonly channels: number;
  /** Number of the part's first pixel, rows of the whole image counted through. */
  readonly first: number;
  /** Pixels from row to row of the whole image. */
  readonly stride: number;
  /** Whether pixels are read as they are stored, none made. */
  readonly isStored: boolean;
  /** Pixels by their numbers, `end` left out; good until the next read. */
  read(start: number, end: number): Uint8Array;
}

/** Pixels made at a time: enough to be quick, little enough to leave the thread often. */
export const pixelsAtATime: number = 2 ** 17;

/** The pixels inside `area`, all without it, as they are or as `map` makes them. */
export function pixelSource(
  pixels: Pixels,
  map?: PixelMap,
  area: Rectangle = { left: 0, top: 0, width: pixels.width, height: pixels.height },
): PixelSource {
  const { data, width: stride } = pixels;
  const bytes = bytesPerPixel(pixels);
  const place = { width: area.width, height: area.height, first: area.top * stride + area.left };
  const stored = (start: number, end: number): Uint8Array => data.subarray(start * bytes, end * bytes);
  if (map === undefined) return { ...place, stride, channels: bytes, isStored: true, read: stored };
  const { channels } = map;
  let made = new Uint8Array(0);
  const read = (start: number, end: number): Uint8Array => {
    const length = (end - start) * channels;
    if (made.length < length) made = new Uint8Array(length);
    const target = made.subarray(0, length);
    map.run(stored(start, end), target);
    return target;
  };
  return { ...place, stride, channels, isStored: false, read };
}

/** All bytes of a source, row after row. The caller owns them. */
export function* collect(source: PixelSource): Yielding<Uint8Array> {
  const { width, height, channels, first, stride } = source;
  const data = new Uint8Array(width * height * channels);
  const isWhole = width === stride; // then one row follows another
  const [rows, length] = isWhole ? [1, width * height] : [height, width];
  for (let row = 0; row < rows; row++) {
    for (let done = 0; done < length; done += pixelsAtATime) {
      const end = Math.min(done + pixelsAtATime, length);
      const start = first + row * stride;
      data.set(source.read(start + done, start + end), (row * length + done) * channels);
      yield;
    }
  }
  return data;
}

/** All bytes of a source, row after row, lent where they lie so in memory already. */
export function* bytesOf(source: PixelSource): Yielding<Uint8Array> {
  const { width, height, first, stride, isStored } = source;
  if (isStored && width === stride) return source.read(first, first + width * height);
  return yield* collect(source);
}
