import type { Color } from "./check-color.ts";
import { colorsOf } from "./colors-of.ts";
import { checkPixels, type Pixels } from "./pixels.ts";

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
