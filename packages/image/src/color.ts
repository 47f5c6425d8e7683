import { checkRgb, type Pixels } from "./pixels.ts";

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

function mapBytes(pixels: Pixels, table: Uint8Array): Pixels {
  const data = new Uint8Array(pixels.data.length);
  for (let byte = 0; byte < data.length; byte++) data[byte] = table[pixels.data[byte]!]!;
  return { ...pixels, data };
}
