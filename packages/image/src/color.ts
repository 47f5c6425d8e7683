import { ClipError } from "@clip-ts/base";
import { checkPixels, checkRgb, deepSamples, isDeep, type DeepMode, type Pixels } from "./pixels.ts";

/** Red, green and blue, whole numbers from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** Throws "bad-argument" unless the colour is three bytes. */
export function checkColor(color: Color): void {
  const isByte = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 255;
  if (color.length === 3 && color.every(isByte)) return;
  throw new ClipError("bad-argument", `A background is three whole numbers from 0 to 255, got [${color.join(", ")}]`, {
    data: { color },
  });
}

/** Luma of ITU-R BT.601 in 16-bit fixed point, as Pillow's `convert("L")`. */
function luma(red: number, green: number, blue: number): number {
  return (red * 19_595 + green * 38_470 + blue * 7471 + 0x8000) >> 16;
}

/** The luma of each pixel of an RGB image: [height · width]. */
function lumas({ data }: Pixels): Uint8Array {
  const grey = new Uint8Array(data.length / 3);
  for (let pixel = 0, byte = 0; pixel < grey.length; pixel++, byte += 3) {
    grey[pixel] = luma(data[byte]!, data[byte + 1]!, data[byte + 2]!);
  }
  return grey;
}

/** The RGB image without its colours, still with three channels. */
export function toGrayscale(pixels: Pixels): Pixels {
  return adjustSaturation(pixels, 0);
}

/** Multiplies an RGB image by `factor`: 0 black, 1 unchanged. Pillow's `ImageEnhance.Brightness`. */
export function adjustBrightness(pixels: Pixels, factor: number): Pixels {
  checkRgb(pixels);
  return mapBytes(pixels, blendTable(0, factor));
}

/**
 * Moves an RGB image away from its mean luma: 0 plain grey, 1 unchanged. Pillow's
 * `ImageEnhance.Contrast`.
 */
export function adjustContrast(pixels: Pixels, factor: number): Pixels {
  checkRgb(pixels);
  const grey = lumas(pixels);
  const mean = Math.trunc(grey.reduce((sum, value) => sum + value, 0) / grey.length + 0.5);
  return mapBytes(pixels, blendTable(mean, factor));
}

/** Moves each pixel away from its luma: 0 grey, 1 unchanged. Pillow's `ImageEnhance.Color`. */
export function adjustSaturation(pixels: Pixels, factor: number): Pixels {
  checkRgb(pixels);
  const grey = lumas(pixels);
  const weight = Math.fround(factor);
  const data = new Uint8Array(pixels.data.length);
  for (let byte = 0; byte < data.length; byte++) {
    data[byte] = blend(grey[Math.trunc(byte / 3)]!, pixels.data[byte]!, weight);
  }
  return { ...pixels, data };
}

/** from + weight · (to - from) in float32, cut to a byte: Pillow's `Image.blend`. */
function blend(from: number, to: number, weight: number): number {
  const mixed = Math.fround(from + Math.fround(weight * (to - from)));
  return Math.trunc(Math.min(Math.max(mixed, 0), 255));
}

function blendTable(from: number, factor: number): Uint8Array {
  const weight = Math.fround(factor);
  return Uint8Array.from({ length: 256 }, (_, byte) => blend(from, byte, weight));
}

/** What one table of 256 bytes, or one for each channel, makes of an RGB image's bytes. */
export function mapBytes(pixels: Pixels, tables: Uint8Array | readonly Uint8Array[]): Pixels {
  const [red, green, blue] = tables instanceof Uint8Array ? [tables, tables, tables] : tables;
  const { data: source } = pixels;
  const data = new Uint8Array(source.length);
  for (let byte = 0; byte < data.length; byte += 3) {
    data[byte] = red![source[byte]!]!;
    data[byte + 1] = green![source[byte + 1]!]!;
    data[byte + 2] = blue![source[byte + 2]!]!;
  }
  return { ...pixels, data };
}

/** From one image, at 0, to another of its size, at 1, or beyond: Pillow's `Image.blend`. */
export function adjustBetween(from: Pixels, to: Pixels, factor: number): Pixels {
  const weight = Math.fround(factor);
  const data = new Uint8Array(to.data.length);
  for (let byte = 0; byte < data.length; byte++) data[byte] = blend(from.data[byte]!, to.data[byte]!, weight);
  return { ...to, data };
}

/** Makes pixels of other pixels, one for one, from the start of `from` to the start of `to`. */
export interface PixelMap {
  /** Bytes of each pixel made. */
  readonly channels: 1 | 3 | 4;
  run(from: Uint8Array, to: Uint8Array): void;
}

function dropAlpha(rgba: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
}

/** Porter and Duff's "over" on an opaque background, with 7 bits below the byte. */
function layOver(rgba: Uint8Array, rgb: Uint8Array, background: Color): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]!;
    for (let channel = 0; channel < 3; channel++) {
      const mixed = rgba[from + channel]! * alpha + background[channel]! * (255 - alpha);
      const scaled = (mixed + 0x80) << 7;
      rgb[to + channel] = ((scaled >> 8) + scaled) >> 15;
    }
  }
}

/** Each ink takes its share of the light that black lets through, in whole numbers as in Pillow. */
function inksToRgb(inks: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const light = 255 - inks[from + 3]!;
    for (let ink = 0; ink < 3; ink++) {
      const product = inks[from + ink]! * light + 128;
      rgb[to + ink] = light - (((product >> 8) + product) >> 8);
    }
  }
}

/** The samples that bytes hold; a copy where they do not begin at a whole sample of memory. */
export function samplesOf(data: Uint8Array, mode: DeepMode): Uint16Array | Int32Array | Float32Array {
  const Samples = deepSamples[mode];
  const { BYTES_PER_ELEMENT: size } = Samples;
  const aligned = data.byteOffset % size === 0 ? data : Uint8Array.from(data);
  return new Samples(aligned.buffer as ArrayBuffer, aligned.byteOffset, data.length / size);
}

/** Cuts samples to bytes, as Pillow does: of 16-bit grey, all that is above 255 becomes white. */
function cutSamples(mode: DeepMode): PixelMap["run"] {
  return (from, to) => {
    const samples = samplesOf(from, mode);
    for (let pixel = 0; pixel < samples.length; pixel++) {
      to[pixel] = Math.min(Math.max(samples[pixel]!, 0), 255); // fractions are cut off
    }
  };
}

/**
 * How pixels become RGB, or grey where all three would be equal: alpha is forgotten or laid over
 * `background`. Undefined if they are that already.
 */
export function colorsOf(pixels: Pixels, background?: Color): PixelMap | undefined {
  if (background !== undefined) checkColor(background);
  const { mode, channels } = pixels;
  if (isDeep(mode)) return { channels: 1, run: cutSamples(mode) };
  if (mode === "cmyk") return { channels: 3, run: inksToRgb };
  if (channels !== 4) return undefined;
  if (background === undefined) return { channels: 3, run: dropAlpha };
  return { channels: 3, run: (from, to) => layOver(from, to, background) };
}

/**
 * The image as red, green and blue, as Pillow's `convert("RGB")` makes it. Grey is repeated, inks and
 * deep samples are converted by its formulas. Alpha, named by the file or its own, is dropped, or laid
 * over `background` as its `alpha_composite` does. An image that is RGB already comes back as it is.
 */
export function toRgb(pixels: Pixels, background?: Color): Pixels {
  checkPixels(pixels);
  const map = colorsOf(pixels, background);
  const { width, height } = pixels;
  const count = width * height;
  if (map === undefined && pixels.channels === 3) {
    return pixels.mode === undefined ? pixels : { data: pixels.data, width, height, channels: 3 };
  }
  let { data } = pixels;
  if (map !== undefined) {
    data = new Uint8Array(count * map.channels);
    map.run(pixels.data, data);
  }
  const isGrey = data.length === count;
  return { data: isGrey ? repeatGrey(data) : data, width, height, channels: 3 };
}

function repeatGrey(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let pixel = 0, byte = 0; pixel < grey.length; pixel++) {
    const value = grey[pixel]!;
    rgb[byte++] = value;
    rgb[byte++] = value;
    rgb[byte++] = value;
  }
  return rgb;
}

/** Colours times alpha / 255, rounded: Pillow's RGBA → RGBa. */
export const premultiplied: PixelMap = {
  channels: 4,
  run(from, to) {
    for (let byte = 0; byte < from.length; byte += 4) {
      const alpha = from[byte + 3]!;
      for (let color = byte; color < byte + 3; color++) to[color] = scaleByte(from[color]!, alpha);
      to[byte + 3] = alpha;
    }
  },
};

/** Colours times 255 / alpha, rounded down and at most 255, in place: Pillow's RGBa → RGBA. */
export function unpremultiply(data: Uint8Array): void {
  for (let byte = 0; byte < data.length; byte += 4) {
    const alpha = data[byte + 3]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let color = byte; color < byte + 3; color++) {
      data[color] = Math.min(Math.trunc((data[color]! * 255) / alpha), 255);
    }
  }
}

/** a · b / 255 for bytes, rounded to nearest, in whole numbers. */
function scaleByte(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
