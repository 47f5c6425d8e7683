import { shuffled, type RandomStream } from "@clip-ts/base";
import { adjustBrightness, adjustContrast, adjustSaturation } from "./color.ts";
import { checkRgb, type Pixels } from "./pixels.ts";
import { checkWithin, drawFrom } from "./resample-table.ts";

/** Row-major 3 x 3: red, green and blue out of red, green and blue. */
export type Matrix3 = readonly number[];

/** A linear change of colours, with the contrast that is to be taken around the image's mean luma. */
export interface ColorChange {
  readonly matrix: Matrix3;
  /** Factor on the distance from the mean luma: 1 changes nothing. */
  readonly contrast: number;
}

/** Luma of ITU-R BT.601. */
export const lumaWeights: readonly [number, number, number] = [0.299, 0.587, 0.114];

function multiply(left: Matrix3, right: Matrix3): Matrix3 {
  return Array.from({ length: 9 }, (_, place) => {
    const row = Math.trunc(place / 3) * 3;
    const column = place % 3;
    return [0, 1, 2].reduce((sum, k) => sum + left[row + k]! * right[3 * k + column]!, 0);
  });
}

/** Moves colours away from their luma: 0 grey, 1 unchanged, for any factor linear. */
function saturationMatrix(factor: number): Matrix3 {
  return Array.from({ length: 9 }, (_, place) => {
    const isDiagonal = place % 4 === 0;
    return lumaWeights[place % 3]! * (1 - factor) + (isDiagonal ? factor : 0);
  });
}

/** Turns colours about the axis of greys by turns of a full circle (Rodrigues' formula). */
function hueMatrix(turns: number): Matrix3 {
  const angle = 2 * Math.PI * turns;
  const along = (1 - Math.cos(angle)) / 3;
  const across = Math.sin(angle) / Math.sqrt(3);
  const diagonal = Math.cos(angle) + along;
  const before = along - across;
  const after = along + across;
  return [diagonal, before, after, after, diagonal, before, before, after, diagonal];
}

/**
 * Draws a change of brightness, contrast, saturation and hue that is linear in the colours, so that it
 * costs one product a pixel. Takes four numbers off the stream, whatever the strengths.
 */
export function drawColorChange(strengths: ColorJitterStrengths, isGrey: boolean, random: RandomStream): ColorChange {
  const factor = (name: "brightness" | "contrast" | "saturation"): number => {
    const strength = strengths[name] ?? 0;
    checkWithin(name, strength, [0, Number.MAX_VALUE]);
    return drawFrom([Math.max(0, 1 - strength), 1 + strength], random);
  };
  const brightness = factor("brightness");
  const contrast = factor("contrast");
  const saturation = factor("saturation");
  const { hue = 0 } = strengths;
  checkWithin("hue", hue, [0, 0.5]);
  const turns = drawFrom([-hue, hue], random);
  const colors = multiply(hueMatrix(turns), saturationMatrix(isGrey ? 0 : saturation));
  return { matrix: colors.map((value) => value * brightness), contrast };
}

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

/** How far colours move. A strength of 0, the default, leaves a property alone. */
export interface ColorJitterStrengths {
  /** Factor from max(0, 1 - strength) to 1 + strength. */
  readonly brightness?: number;
  /** Factor from max(0, 1 - strength) to 1 + strength. */
  readonly contrast?: number;
  /** Factor from max(0, 1 - strength) to 1 + strength. */
  readonly saturation?: number;
  /** Turns of the colour wheel, at most 0.5 either way. */
  readonly hue?: number;
}

const adjusters = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};

const properties = ["brightness", "contrast", "saturation", "hue"] as const;

/**
 * Moves an RGB image's colours as torchvision's `ColorJitter` does on Pillow images. Draws, in
 * this order: the permutation in which all four properties come, then one number for each property
 * with a strength, from brightness to hue.
 */
export function colorJitter(pixels: Pixels, strengths: ColorJitterStrengths, random: RandomStream): Pixels {
  checkRgb(pixels);
  const order = shuffled(properties, random);
  const amounts = new Map<string, number>();
  for (const property of properties) {
    const strength = strengths[property] ?? 0;
    checkWithin(property, strength, [0, property === "hue" ? 0.5 : Number.MAX_VALUE]);
    if (strength > 0) amounts.set(property, drawAmount(property, strength, random));
  }
  let jittered = pixels;
  for (const property of order) {
    const amount = amounts.get(property);
    if (amount !== undefined) jittered = adjusters[property](jittered, amount);
  }
  return jittered;
}

function drawAmount(property: string, strength: number, random: RandomStream): number {
  if (property === "hue") return drawFrom([-strength, strength], random);
  return drawFrom([Math.max(0, 1 - strength), 1 + strength], random);
}
