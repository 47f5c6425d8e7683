import type { RandomStream } from "@clip-ts/base";
import { adjustBrightness, adjustContrast, adjustSaturation, type Color } from "../color.ts";
import type { Pixels } from "../pixels.ts";
import { rotation, transformAffine, type AffineFilter, type AffineMap } from "./affine.ts";
import { adjustSharpness, gaussianBlur } from "./blur.ts";
import { autoContrast, equalize, invert, posterize, solarize, solarizeAdd } from "./tables.ts";

/** What operations need beside their magnitude. */
export interface OperationSettings {
  /** Colour where an image is moved away. */
  readonly fill: Color;
  /** How moved images are read; without it, one of both is drawn each time. */
  readonly filter?: AffineFilter | undefined;
  /** Most pixels that "TranslateX" and "TranslateY" move. */
  readonly translatePixels: number;
  /** Most that "TranslateXRel" and "TranslateYRel" move, as a share of the side. */
  readonly translateShare: number;
}

/** An operation's number of a level, which is a magnitude over 10; `draw` gives chances. */
type Amount = (level: number, settings: OperationSettings, random: RandomStream) => number;

interface Operation {
  readonly amount?: Amount;
  readonly apply: (image: Pixels, amount: number, moves: Moves) => Pixels;
}

/** How an image is moved, once its filter is drawn. */
interface Moves {
  move(image: Pixels, map: AffineMap): Pixels;
  readonly random: RandomStream;
}

/** Either way with equal chance. */
const eitherWay = (value: number, random: RandomStream): number => (random.uniform() > 0.5 ? -value : value);

const whole = Math.trunc;

const enhance: Amount = (level) => level * 1.8 + 0.1;
const enhanceMore: Amount = (level, _, random) => Math.max(0.1, 1 + eitherWay(level * 0.9, random));
const shear: Amount = (level, _, random) => eitherWay(level * 0.3, random);
const share: Amount = (level, { translateShare }, random) => eitherWay(level * translateShare, random);
const pixels: Amount = (level, { translatePixels }, random) => eitherWay(level * translatePixels, random);
const bits: Amount = (level) => whole(level * 4);
const threshold: Amount = (level) => Math.min(256, whole(level * 256));
const between =
  (low: number, high: number): Amount =>
  (level) =>
    Math.max(low, Math.min(high, low + (high - low) * level));

const across = (image: Pixels, by: number, { move }: Moves): Pixels => move(image, [1, 0, by, 0, 1, 0]);
const down = (image: Pixels, by: number, { move }: Moves): Pixels => move(image, [1, 0, 0, 0, 1, by]);

/** An operation of a policy, by timm's name. */
export type OperationName =
  | "AutoContrast"
  | "Equalize"
  | "Invert"
  | "Rotate"
  | "Posterize"
  | "PosterizeIncreasing"
  | "PosterizeOriginal"
  | "Solarize"
  | "SolarizeIncreasing"
  | "SolarizeAdd"
  | "Color"
  | "ColorIncreasing"
  | "Contrast"
  | "ContrastIncreasing"
  | "Brightness"
  | "BrightnessIncreasing"
  | "Sharpness"
  | "SharpnessIncreasing"
  | "ShearX"
  | "ShearY"
  | "TranslateX"
  | "TranslateY"
  | "TranslateXRel"
  | "TranslateYRel"
  | "Desaturate"
  | "GaussianBlur"
  | "GaussianBlurRand";

/** The operations of timm's `auto_augment.py`: how a magnitude becomes their number, and what they do. */
const operations: Readonly<Record<OperationName, Operation>> = {
  AutoContrast: { apply: autoContrast },
  Equalize: { apply: equalize },
  Invert: { apply: invert },
  Rotate: {
    amount: (level, _, random) => eitherWay(level * 30, random),
    apply: (image, degrees, { move }) => (degrees === 0 ? image : move(image, rotation(degrees, image))),
  },
  Posterize: { amount: bits, apply: posterize },
  PosterizeIncreasing: { amount: (level) => 4 - whole(level * 4), apply: posterize },
  PosterizeOriginal: { amount: (level) => whole(level * 4) + 4, apply: posterize },
  Solarize: { amount: threshold, apply: solarize },
  SolarizeIncreasing: { amount: (level) => 256 - Math.min(256, whole(level * 256)), apply: solarize },
  SolarizeAdd: { amount: (level) => Math.min(128, whole(level * 110)), apply: solarizeAdd },
  Color: { amount: enhance, apply: adjustSaturation },
  ColorIncreasing: { amount: enhanceMore, apply: adjustSaturation },
  Contrast: { amount: enhance, apply: adjustContrast },
  ContrastIncreasing: { amount: enhanceMore, apply: adjustContrast },
  Brightness: { amount: enhance, apply: adjustBrightness },
  BrightnessIncreasing: { amount: enhanceMore, apply: adjustBrightness },
  Sharpness: { amount: enhance, apply: adjustSharpness },
  SharpnessIncreasing: { amount: enhanceMore, apply: adjustSharpness },
  ShearX: { amount: shear, apply: (image, factor, { move }) => move(image, [1, factor, 0, 0, 1, 0]) },
  ShearY: { amount: shear, apply: (image, factor, { move }) => move(image, [1, 0, 0, factor, 1, 0]) },
  TranslateX: { amount: pixels, apply: across },
  TranslateY: { amount: pixels, apply: down },
  TranslateXRel: { amount: share, apply: (image, by, moves) => across(image, by * image.width, moves) },
  TranslateYRel: { amount: share, apply: (image, by, moves) => down(image, by * image.height, moves) },
  Desaturate: {
    amount: between(0.5, 1),
    apply: (image, factor) => adjustSaturation(image, Math.min(1, Math.max(0, 1 - factor))),
  },
  GaussianBlur: { amount: between(0.1, 2), apply: gaussianBlur },
  GaussianBlurRand: {
    amount: between(0, 1),
    apply: (image, factor, { random }) => gaussianBlur(image, 0.1 + (2 * factor - 0.1) * random.uniform()),
  },
};

/**
 * Does an operation by a number in its own unit, such as degrees: Pillow's bytes for an RGB image. Draws a filter where
 * the settings name none.
 */
export function applyOperation(
  image: Pixels,
  { name, amount }: { readonly name: OperationName; readonly amount: number },
  settings: OperationSettings,
  random: RandomStream,
): Pixels {
  const { fill } = settings;
  const move = (moved: Pixels, map: AffineMap): Pixels => {
    const filter = settings.filter ?? (random.integer(2) === 0 ? "bilinear" : "bicubic");
    return transformAffine(moved, map, { filter, fill });
  };
  return operations[name].apply(image, amount, { move, random });
}

/** The number of an operation at a magnitude from 0 to 10 or more, its sign drawn where it has one. */
export function amountOf(
  name: OperationName,
  magnitude: number,
  settings: OperationSettings,
  random: RandomStream,
): number {
  return operations[name].amount?.(magnitude / 10, settings, random) ?? 0;
}
