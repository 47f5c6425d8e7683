import { checkRgb, type Pixels } from "./pixels.ts";

/**
 * Turns the hues of an RGB image by `turns` of the colour wheel (-0.5 … 0.5), as torchvision does
 * on Pillow images: through bytes of hue, saturation and value, so even 0 is not quite a copy.
 */
export function adjustHue(pixels: Pixels, turns: number): Pixels {
  checkRgb(pixels);
  const shift = Math.trunc(turns * 255);
  const data = new Uint8Array(pixels.data.length);
  const hsv = new Uint8Array(3);
  for (let byte = 0; byte < data.length; byte += 3) {
    writeHsv(hsv, pixels.data, byte);
    hsv[0] = hsv[0]! + shift; // wraps
    writeRgb(data, byte, hsv);
  }
  return { ...pixels, data };
}

/** Smith 1978, "Color gamut transform pairs", in the float widths that Pillow uses. */
function writeHsv(hsv: Uint8Array, rgb: Uint8Array, byte: number): void {
  const red = rgb[byte]!;
  const green = rgb[byte + 1]!;
  const blue = rgb[byte + 2]!;
  const value = Math.max(red, green, blue);
  const range = value - Math.min(red, green, blue);
  hsv[2] = value;
  if (range === 0) {
    hsv[0] = 0;
    hsv[1] = 0;
    return;
  }
  hsv[0] = Math.trunc(Math.fround((sextant(red, green, blue) / 6 + 1) % 1) * 255);
  hsv[1] = Math.trunc(Math.fround(range / value) * 255);
}

/** Position on the colour wheel in sixths, from -1 to 5; 0 is red. */
function sextant(red: number, green: number, blue: number): number {
  const value = Math.max(red, green, blue);
  const range = value - Math.min(red, green, blue);
  const toRed = Math.fround((value - red) / range);
  const toGreen = Math.fround((value - green) / range);
  const toBlue = Math.fround((value - blue) / range);
  if (red === value) return Math.fround(toBlue - toGreen);
  if (green === value) return Math.fround(2 + toRed - toBlue);
  return Math.fround(4 + toGreen - toRed);
}

/** Which of a pixel's four shades red, green and blue take, in each sixth of the wheel. */
const shadesOfSector = [
  ["value", "rising", "low"],
  ["falling", "value", "low"],
  ["low", "value", "rising"],
  ["low", "falling", "value"],
  ["rising", "low", "value"],
  ["value", "low", "falling"],
] as const;

function writeRgb(rgb: Uint8Array, byte: number, hsv: Uint8Array): void {
  const value = hsv[2]!;
  const saturation = Math.fround(hsv[1]! / 255);
  const sixths = (hsv[0]! * 6) / 255;
  const sector = Math.floor(sixths);
  const fraction = Math.fround(sixths - sector);
  const shades = {
    value,
    low: roundByte(value * (1 - saturation)),
    falling: roundByte(value * (1 - saturation * fraction)),
    rising: roundByte(value * (1 - saturation * (1 - fraction))),
  };
  const [red, green, blue] = shadesOfSector[sector % 6]!;
  rgb[byte] = shades[red];
  rgb[byte + 1] = shades[green];
  rgb[byte + 2] = shades[blue];
}

function roundByte(value: number): number {
  return Math.min(Math.max(Math.floor(value + 0.5), 0), 255);
}
