import { shuffled, type RandomStream } from "@clip-ts/base";
import { adjustBrightness, adjustContrast, adjustSaturation } from "./color.ts";
import { adjustHue } from "./hue.ts";
import { checkRgb, type Pixels } from "./pixels.ts";
import { checkWithin, drawFrom } from "./ranges.ts";

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
export function colorJitter(
  pixels: Pixels,
  strengths: ColorJitterStrengths,
  random: RandomStream,
): Pixels {
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
