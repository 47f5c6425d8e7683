import { type RandomStream, runYielding, runThrough, type Yielding } from "@clip-ts/base";
import { toGrayscale } from "./color.ts";
import { colorJitter, type ColorJitterStrengths } from "./color-jitter.ts";
import { flipHorizontal } from "./crop.ts";
import { normalize, resizingToRgb } from "./preprocess.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { writePlanes } from "./planes.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { drawCrop } from "./random-resized-crop.ts";
import { checkWithin, type Range } from "./resample-table.ts";
import type { ResizePart } from "./resize.ts";

/** What training changes at random. The defaults are CLIP's: a large crop and nothing else. */
export interface AugmentConfig {
  /** Part of the image's area that is kept. Default [0.9, 1]. */
  readonly scale?: Range;
  /** Width by height of the part that is kept. Default [3/4, 4/3]. */
  readonly ratio?: Range;
  /** Chance of a mirrored image. Default 0: captions know left from right. */
  readonly flipProbability?: number;
  /** Default: colours stay. */
  readonly colorJitter?: ColorJitterStrengths;
  /** Chance that `colorJitter` is used. Default 1. */
  readonly colorJitterProbability?: number;
  /** Chance of an image without colours. Default 0. */
  readonly grayscaleProbability?: number;
}

/**
 * An image as a model sees it in training: random crop, mirror, colours, grey, in this order, then
 * normalised: [3, size, size]. The same stream gives the same image. The caller owns the result.
 */
export function augment(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Float32Array {
  const image = runThrough(augmenting(pixels, preprocessConfig, augmentConfig, random));
  return normalize(image, preprocessConfig);
}

/** `augment` that yields to the event loop every 40 ms. */
export async function augmentYielding(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Promise<Float32Array> {
  const image = await runYielding(augmenting(pixels, preprocessConfig, augmentConfig, random));
  return normalize(image, preprocessConfig);
}

/** What `augmentBytes` does with an image. */
export interface Augmentation {
  readonly preprocess: PreprocessConfig;
  readonly augment: AugmentConfig;
}

/**
 * `augment` before normalising, for batches of bytes: red, green and blue planes [3, size, size] are
 * written to `target`, of which `normalizePlanes` makes what `augment` gives. Throws "bad-shape" if the
 * target has another size.
 */
export function augmentBytes(
  pixels: Pixels,
  { preprocess, augment: augmentConfig }: Augmentation,
  random: RandomStream,
  target: Uint8ClampedArray,
): void {
  writePlanes(runThrough(augmenting(pixels, preprocess, augmentConfig, random)), target);
}

function* augmenting(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Yielding<Pixels> {
  checkPixels(pixels);
  const part = drawAugmentPart(pixels, { ...augmentConfig, ...checkPreprocess(preprocessConfig) }, random);
  const image = yield* resizingToRgb(pixels, preprocessConfig, part);
  return finishAugment(image, augmentConfig, random);
}

/** The part of an image that `augment` keeps, and the size that it gets: what it draws first. */
export function drawAugmentPart(
  image: { readonly width: number; readonly height: number },
  { size, interpolation, scale, ratio }: Pick<PreprocessConfig, "size" | "interpolation"> & AugmentConfig,
  random: RandomStream,
): ResizePart {
  const ranges = { ...(scale === undefined ? {} : { scale }), ...(ratio === undefined ? {} : { ratio }) };
  return drawCrop(image, { size, interpolation, ...ranges }, random);
}

/** What `augment` does to its part once that is RGB: mirror, colours, grey, each drawn in its turn. */
export function finishAugment(image: Pixels, augmentConfig: AugmentConfig, random: RandomStream): Pixels {
  const { flipProbability = 0, colorJitterProbability = 1, grayscaleProbability = 0 } = augmentConfig;
  const happens = (name: string, probability: number): boolean => {
    checkWithin(name, probability, [0, 1]);
    return random.uniform() < probability;
  };
  let finished = image;
  if (happens("flipProbability", flipProbability)) finished = flipHorizontal(finished);
  if (happens("colorJitterProbability", colorJitterProbability)) {
    finished = colorJitter(finished, augmentConfig.colorJitter ?? {}, random);
  }
  if (happens("grayscaleProbability", grayscaleProbability)) finished = toGrayscale(finished);
  return finished;
}
