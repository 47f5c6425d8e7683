import type { PixelMap } from "./colors-of.ts";

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
