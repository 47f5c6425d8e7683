import type { RandomStream } from "@clip-ts/base";
import type { ColorJitterStrengths } from "./color-jitter.ts";
import { checkWithin, drawFrom } from "./ranges.ts";

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
export function drawColorChange(
  strengths: ColorJitterStrengths,
  isGrey: boolean,
  random: RandomStream,
): ColorChange {
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
