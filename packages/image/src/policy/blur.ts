import { adjustBetween } from "../color.ts";
import type { Pixels } from "../pixels.ts";

const { fround } = Math;

/** A whole number between which and the next an extended box blurs as a Gauss bell would (Gwosdek et al. 2011, eqs. 7, 11, 14). */
function boxRadius(radius: number, passes: number): number {
  const variance = fround(fround(fround(radius) * fround(radius)) / passes);
  const length = fround(Math.sqrt(12 * variance + 1));
  const whole = Math.floor((length - 1) / 2);
  const above = fround(fround(whole * (whole + 1)) - fround(3 * variance));
  const share = fround(fround(2 * whole + 1) * above);
  const below = fround(6 * fround(variance - fround((whole + 1) * (whole + 1))));
  return fround(whole + fround(share / below));
}

/** Pixels of a line: the first, the step to the next, how many there are. */
interface Line {
  readonly first: number;
  readonly step: number;
  readonly length: number;
}

/** One line's mean over a box of fractional width in 24-bit fixed point, edges repeated. */
function blurLine(from: Uint8Array, to: Uint8Array, { first, step, length }: Line, floatRadius: number): void {
  const radius = Math.trunc(floatRadius);
  const weight = Math.trunc(fround(2 ** 24 / fround(fround(floatRadius * 2) + 1)));
  const rim = Math.floor((2 ** 24 - (radius * 2 + 1) * weight) / 2);
  const at = (index: number): number => from[first + step * Math.min(Math.max(index, 0), length - 1)]!;
  let sum = 0;
  for (let index = -radius - 1; index < radius; index++) sum += at(index);
  for (let index = 0; index < length; index++) {
    sum += at(index + radius) - at(index - radius - 1);
    const far = at(index - radius - 1) + at(index + radius + 1);
    to[first + step * index] = Math.floor((sum * weight + far * rim + 2 ** 23) / 2 ** 24);
  }
}

function blurLines(image: Pixels, data: Uint8Array, isAcross: boolean, radius: number): Uint8Array {
  const { width, height } = image;
  const blurred = new Uint8Array(data.length);
  const [lines, length] = isAcross ? [height, width] : [width, height];
  const [lineStep, step] = isAcross ? [3 * width, 3] : [3, 3 * width];
  for (let line = 0; line < lines; line++) {
    for (let channel = 0; channel < 3; channel++) {
      blurLine(data, blurred, { first: line * lineStep + channel, step, length }, radius);
    }
  }
  return blurred;
}

/** An RGB image blurred by a standard deviation in pixels: Pillow's `GaussianBlur`, three boxes each way. */
export function gaussianBlur(image: Pixels, deviation: number): Pixels {
  if (deviation === 0) return image;
  const passes = 3;
  const radius = boxRadius(deviation, passes);
  let { data } = image;
  for (const isAcross of [true, false]) {
    for (let pass = 0; pass < passes; pass++) data = blurLines(image, data, isAcross, radius);
  }
  return { ...image, data };
}

/** Each pixel but those at the edge is five times itself and once its eight neighbours, over 13: Pillow's `SMOOTH`. */
function smooth(image: Pixels): Pixels {
  const { data: source, width, height } = image;
  const data = Uint8Array.from(source);
  const rowBytes = 3 * width;
  for (let y = 1; y < height - 1; y++) {
    for (let byte = y * rowBytes + 3; byte < (y + 1) * rowBytes - 3; byte++) {
      let sum = 4 * source[byte]!;
      for (let row = byte - rowBytes; row <= byte + rowBytes; row += rowBytes) {
        sum += source[row - 3]! + source[row]! + source[row + 3]!;
      }
      data[byte] = Math.floor((2 * sum + 13) / 26);
    }
  }
  return { ...image, data };
}

/** Moves an RGB image away from a smoothed one: 0 that, 1 unchanged. Pillow's `ImageEnhance.Sharpness`. */
export function adjustSharpness(image: Pixels, factor: number): Pixels {
  return adjustBetween(smooth(image), image, factor);
}
