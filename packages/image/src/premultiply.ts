import type { Pixels } from "./pixels.ts";

/** Colours times alpha / 255, rounded: Pillow's RGBA → RGBa. */
export function premultiply(pixels: Pixels): Pixels {
  const data = Uint8Array.from(pixels.data);
  for (let byte = 0; byte < data.length; byte += 4) {
    const alpha = data[byte + 3]!;
    for (let color = byte; color < byte + 3; color++) data[color] = scaleByte(data[color]!, alpha);
  }
  return { ...pixels, data };
}

/** Colours times 255 / alpha, rounded down and at most 255: Pillow's RGBa → RGBA. */
export function unpremultiply(pixels: Pixels): Pixels {
  const data = Uint8Array.from(pixels.data);
  for (let byte = 0; byte < data.length; byte += 4) {
    const alpha = data[byte + 3]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let color = byte; color < byte + 3; color++) {
      data[color] = Math.min(Math.trunc((data[color]! * 255) / alpha), 255);
    }
  }
  return { ...pixels, data };
}

/** a · b / 255 for bytes, rounded to nearest, in whole numbers. */
function scaleByte(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
