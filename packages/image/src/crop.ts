import { bytesPerPixel, checkPixels, checkSize, deepSamples, isDeep, type Pixels } from "./pixels.ts";
import type { Rectangle } from "./pixel-source.ts";
import { checkInside, cropRows } from "./resize.ts";

/** A copy of the pixels inside the rectangle. Throws "bad-argument" if it leaves the image. */
export function crop(pixels: Pixels, rectangle: Rectangle): Pixels {
  checkPixels(pixels);
  checkInside(rectangle, pixels);
  return cropRows(pixels, rectangle);
}

/**
 * The middle of the image, as torchvision's `CenterCrop`: offsets of half a pixel go to the even
 * side, and a smaller image is first padded with zeros, the odd row or column at right and bottom.
 */
export function centerCrop(
  pixels: Pixels,
  { width, height }: { readonly width: number; readonly height: number },
): Pixels {
  checkPixels(pixels);
  checkSize("width", width);
  checkSize("height", height);
  const padded = padAround(pixels, Math.max(width, pixels.width), Math.max(height, pixels.height));
  const left = centerOffset(padded.width, width);
  const top = centerOffset(padded.height, height);
  return cropRows(padded, { left, top, width, height });
}

/** First kept pixel when `size` pixels are kept in the middle of `length`: Python's `round`. */
function centerOffset(length: number, size: number): number {
  return roundHalfEven((length - size) / 2);
}

/** Rounds to the nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** A copy mirrored left to right. */
export function flipHorizontal(pixels: Pixels): Pixels {
  checkPixels(pixels);
  const { data: source, width } = pixels;
  const channels = bytesPerPixel(pixels);
  const data = new Uint8Array(source.length);
  const rowBytes = width * channels;
  for (let start = 0; start < data.length; start += rowBytes) {
    for (let from = start, to = start + rowBytes - channels; to >= start; from += channels, to -= channels) {
      for (let channel = 0; channel < channels; channel++) data[to + channel] = source[from + channel]!;
    }
  }
  return { ...pixels, data };
}

function padAround(pixels: Pixels, width: number, height: number): Pixels {
  if (width === pixels.width && height === pixels.height) return pixels;
  const left = Math.floor((width - pixels.width) / 2);
  const top = Math.floor((height - pixels.height) / 2);
  return framed(pixels, { left, top, width, height });
}

/** The image inside a larger one, all pixels beside it of one value in each channel, or of one colour. */
export function framed(pixels: Pixels, { left, top, width, height }: Rectangle, fill: number | Uint8Array = 0): Pixels {
  const bytes = bytesPerPixel(pixels);
  const data = plain(width * height * bytes, pixels.mode, fill);
  const rowBytes = pixels.width * bytes;
  for (let row = 0; row < pixels.height; row++) {
    const source = pixels.data.subarray(row * rowBytes, (row + 1) * rowBytes);
    data.set(source, ((top + row) * width + left) * bytes);
  }
  return { ...pixels, data, width, height };
}

function plain(bytes: number, mode: Pixels["mode"], fill: number | Uint8Array): Uint8Array {
  if (typeof fill !== "number") return Uint8Array.from({ length: bytes }, (_, at) => fill[at % fill.length]!);
  if (!isDeep(mode)) return new Uint8Array(bytes).fill(fill);
  const Samples = deepSamples[mode];
  return new Uint8Array(new Samples(bytes / Samples.BYTES_PER_ELEMENT).fill(fill).buffer);
}
