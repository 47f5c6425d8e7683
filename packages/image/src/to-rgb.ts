import { ClipError } from "@clip-ts/base";
import { checkPixels, type Pixels } from "./pixels.ts";

/** Red, green and blue, whole numbers from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/**
 * The image as red, green and blue. Grey is repeated. Alpha is dropped, as Pillow's
 * `convert("RGB")` does, or laid over `background`, as its `alpha_composite` does. An image that
 * is RGB already comes back as it is.
 */
export function toRgb(pixels: Pixels, background?: Color): Pixels {
  checkPixels(pixels);
  if (background !== undefined) checkColor(background);
  if (pixels.channels === 3) return pixels;
  const { width, height } = pixels;
  const data = new Uint8Array(width * height * 3);
  if (pixels.channels === 1) repeatGrey(pixels.data, data);
  else if (background === undefined) dropAlpha(pixels.data, data);
  else layOver(pixels.data, data, background);
  return { data, width, height, channels: 3 };
}

function repeatGrey(grey: Uint8Array, rgb: Uint8Array): void {
  for (let pixel = 0; pixel < grey.length; pixel++) {
    rgb.fill(grey[pixel]!, pixel * 3, pixel * 3 + 3);
  }
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

/** Throws "bad-argument" unless the colour is three bytes. */
export function checkColor(color: Color): void {
  const isByte = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 255;
  if (color.length === 3 && color.every(isByte)) return;
  throw new ClipError(
    "bad-argument",
    `A background is three whole numbers from 0 to 255, got [${color.join(", ")}]`,
    { data: { color } },
  );
}
