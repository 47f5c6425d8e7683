import type { Steps } from "@clip-ts/base";
import type { Pixels } from "./pixels.ts";
import { textureOf, type Texture } from "./texture.ts";
import type { Color } from "./check-color.ts";
import type { Placement } from "./view-geometry.ts";

/** How often the image is halved before it is read: until neighbouring places read neighbouring pixels. */
function halvingsFor([xx, xy, , yx, yy]: Placement, size: number): number {
  const step = Math.sqrt(Math.abs(xx * yy - xy * yx)) / size; // pixels from place to place
  return Math.max(0, Math.round(Math.log2(step)));
}

/** What lies between four pixels of a texture: bilinear, one channel. */
function between(
  { data, stride }: Texture,
  byte: number,
  { right, low }: { readonly right: number; readonly low: number },
): number {
  const below = byte + 4 * stride;
  const upper = data[byte]! + right * (data[byte + 4]! - data[byte]!);
  const lower = data[below]! + right * (data[below + 4]! - data[below]!);
  return upper + low * (lower - upper);
}

/**
 * The image as seen through a placement, laid over a background that also shows where the image has
 * ended: [3, size, size] from 0 to 255. Bilinear, colours weighted by alpha.
 */
export function* sampleView(
  pixels: Pixels,
  placement: Placement,
  { size, background }: { readonly size: number; readonly background: Color },
): Steps<Float32Array> {
  const halvings = halvingsFor(placement, size);
  const texture = yield* textureOf(pixels, halvings);
  const [xx, xy, x0, yx, yy, y0] = placement.map(
    (value) => value / 2 ** halvings,
  ) as unknown as Placement;
  const [red, green, blue] = background;
  const count = size * size;
  const planes = new Float32Array(3 * count);
  const offset = { right: 0, low: 0 };
  for (let row = 0, index = 0; row < size; row++) {
    for (let column = 0; column < size; column++, index++) {
      const u = (column + 0.5) / size;
      const v = (row + 0.5) / size;
      const x = xx * u + xy * v + x0 - 0.5;
      const y = yx * u + yy * v + y0 - 0.5;
      const isInside = x > -1 && y > -1 && x < texture.width && y < texture.height;
      if (!isInside) {
        planes[index] = red;
        planes[count + index] = green;
        planes[2 * count + index] = blue;
        continue;
      }
      const left = Math.floor(x);
      const top = Math.floor(y);
      offset.right = x - left;
      offset.low = y - top;
      const byte = 4 * ((top + 1) * texture.stride + left + 1);
      const bare = 1 - between(texture, byte + 3, offset) / 255;
      planes[index] = between(texture, byte, offset) + red * bare;
      planes[count + index] = between(texture, byte + 1, offset) + green * bare;
      planes[2 * count + index] = between(texture, byte + 2, offset) + blue * bare;
    }
  }
  return planes;
}
