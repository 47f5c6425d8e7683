import { ClipError } from "@clip-ts/base";

/** An image of bytes: rows from the top, pixels from the left, channels of a pixel side by side. */
export interface Pixels {
  /** Row-major [height, width, channels]. Functions of this package never write to it. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 red-green-blue, 4 with alpha (not premultiplied). */
  readonly channels: 1 | 3 | 4;
}

/** Throws "bad-shape" unless sizes are positive whole numbers that the data fills exactly. */
export function checkPixels({ data, width, height, channels }: Pixels): void {
  checkSize("width", width);
  checkSize("height", height);
  if (![1, 3, 4].includes(channels)) {
    throw new ClipError("bad-shape", `An image has 1, 3 or 4 channels, got ${channels}`, {
      data: { channels },
    });
  }
  const expected = width * height * channels;
  if (data.length === expected) return;
  throw new ClipError(
    "bad-shape",
    `An image ${width} wide, ${height} high, with ${channels} channels has ${expected} bytes, ` +
      `got ${data.length}; check the decoder's width, height and channel count`,
    { data: { width, height, channels, expected, actual: data.length } },
  );
}

/** Throws "bad-shape" unless the image is red-green-blue. */
export function checkRgb(pixels: Pixels): void {
  checkPixels(pixels);
  if (pixels.channels === 3) return;
  throw new ClipError(
    "bad-shape",
    `Expected 3 channels (red, green, blue), got ${pixels.channels}; call toRgb first`,
    { data: { channels: pixels.channels } },
  );
}

/** Throws "bad-shape" unless `value` is a positive whole number. */
export function checkSize(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new ClipError("bad-shape", `${name} must be a positive whole number, got ${value}`, {
    data: { name, value },
  });
}
