import { resize, toGrayscale, toRgb, type Pixels } from "@clip-ts/image";

/**
 * A hash of 64 bits of what an image looks like: made 9 x 8 grey pixels, each is compared with its right neighbour, rows
 * from the top, the first bit the highest; alpha is laid over white. It is imagehash's dHash of size 8 but for the
 * kernel, which is Pillow's bilinear one. Images that are copies of each other, made smaller or compressed anew, differ in few bits. 0 for a plain area.
 */
export function differenceHash(pixels: Pixels): bigint {
  const small = toGrayscale(resize(toRgb(pixels, [255, 255, 255]), { width: 9, height: 8, interpolation: "bilinear" }));
  let hash = 0n;
  for (let row = 0; row < 8; row++) {
    for (let column = 0; column < 8; column++) {
      const at = (row * 9 + column) * small.channels;
      const isBrighter = (small.data[at + small.channels] ?? 0) > (small.data[at] ?? 0);
      hash = (hash << 1n) | (isBrighter ? 1n : 0n);
    }
  }
  return hash;
}
