import { ClipError, type RandomStream, runYielding, runThrough, type Yielding } from "@clip-ts/base";
import { toGrayscale } from "./color.ts";
import { colorJitter, type ColorJitterStrengths } from "./color-jitter.ts";
import { flipHorizontal } from "./crop.ts";
import { eraseByteParts, eraseParts, type ErasingConfig } from "./erase.ts";
import { autoAugment } from "./policy/apply.ts";
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
  /** Whether crops are resized, and policies move images, by "bilinear" or "bicubic", drawn each time. Default false. */
  readonly randomInterpolation?: boolean;
  /**
   * A policy in the words of timm's `create_transform`: AutoAugment ("original", "v0", …), RandAugment
   * ("rand-m9-n2-mstd0.5-inc1") or AugMix ("augmix-m3-w3"). Colours are jittered besides only with "3a" in it.
   */
  readonly autoAugment?: string;
  /** Random erasing, the last step. */
  readonly erasing?: ErasingConfig;
}

/**
 * An image as a model sees it in training: random crop, mirror, policy, colours, grey, in this order, then
 * normalised: [3, height, width], then parts erased. The same stream gives the same image. The caller owns the result.
 */
export function augment(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Float32Array {
  const augmentation = { preprocess: preprocessConfig, augment: augmentConfig };
  return finished(runThrough(augmenting(pixels, augmentation, random)), augmentation, random);
}

/** `augment` that yields to the event loop every 40 ms. */
export async function augmentYielding(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Promise<Float32Array> {
  const augmentation = { preprocess: preprocessConfig, augment: augmentConfig };
  return finished(await runYielding(augmenting(pixels, augmentation, random)), augmentation, random);
}

/** Normalised, with parts erased. */
function finished(
  image: Pixels,
  { preprocess, augment: { erasing } }: Augmentation,
  random: RandomStream,
): Float32Array {
  const planes = normalize(image, preprocess);
  if (erasing !== undefined) eraseParts(planes, image, erasing, random);
  return planes;
}

/** What `augmentBytes` does with an image. */
export interface Augmentation {
  readonly preprocess: PreprocessConfig;
  readonly augment: AugmentConfig;
}

/**
 * `augment` before normalising, for batches of bytes: red, green and blue planes [3, height, width] are
 * written to `target`, of which `normalizePlanes` makes what `augment` gives, but for erased parts, whose noise is cut
 * at black and white. Throws "bad-shape" if the target has another size.
 */
export function augmentBytes(
  pixels: Pixels,
  augmentation: Augmentation,
  random: RandomStream,
  target: Uint8ClampedArray,
): void {
  writeAugmented(runThrough(augmenting(pixels, augmentation, random)), augmentation, random, target);
}

/** An augmented image's planes, with parts erased. */
function writeAugmented(
  image: Pixels,
  { preprocess, augment: { erasing } }: Augmentation,
  random: RandomStream,
  target: Uint8ClampedArray,
): void {
  writePlanes(image, target);
  if (erasing === undefined) return;
  const { width, height } = image;
  eraseByteParts(target, { width, height, mean: preprocess.mean, std: preprocess.std }, erasing, random);
}

/** What `augmentBytes` does to the part of `drawAugmentPart` once that is RGB, for whoever resizes it otherwise. */
export function finishAugmentBytes(
  image: Pixels,
  augmentation: Augmentation,
  random: RandomStream,
  target: Uint8ClampedArray,
): void {
  writeAugmented(finishAugment(image, augmentation, random), augmentation, random, target);
}

function* augmenting(pixels: Pixels, augmentation: Augmentation, random: RandomStream): Yielding<Pixels> {
  const { preprocess, augment: augmentConfig } = augmentation;
  checkPixels(pixels);
  const part = drawAugmentPart(pixels, { ...augmentConfig, ...checkPreprocess(preprocess) }, random);
  const image = yield* resizingToRgb(pixels, preprocess, part);
  return finishAugment(image, augmentation, random);
}

/** The part of an image that `augment` keeps, and the size that it gets: what it draws first. */
export function drawAugmentPart(
  image: { readonly width: number; readonly height: number },
  config: Pick<PreprocessConfig, "size" | "interpolation"> & AugmentConfig,
  random: RandomStream,
): ResizePart {
  const { size, scale, ratio, randomInterpolation = false } = config;
  const ranges = { ...(scale === undefined ? {} : { scale }), ...(ratio === undefined ? {} : { ratio }) };
  const part = drawCrop(image, { size, interpolation: config.interpolation, ...ranges }, random);
  if (!randomInterpolation) return part;
  return { ...part, interpolation: random.integer(2) === 0 ? "bilinear" : "bicubic" };
}

/** timm turns the jitter off beside a policy, without a word. */
function checkColors({ autoAugment: words, colorJitter: strengths }: AugmentConfig): void {
  if (words === undefined || strengths === undefined || words.includes("3a")) return;
  throw new ClipError(
    "bad-config",
    `autoAugment "${words}" changes colours itself, so timm jitters none beside it: remove colorJitter.`,
    { data: { autoAugment: words } },
  );
}

function byPolicy(image: Pixels, { preprocess, augment: config }: Augmentation, random: RandomStream): Pixels {
  const { autoAugment: words, randomInterpolation = false } = config;
  if (words === undefined) return image;
  const { size, mean, interpolation } = preprocess;
  return autoAugment(
    image,
    words,
    { size, mean, interpolation: randomInterpolation ? "random" : interpolation },
    random,
  );
}

/** What `augment` does to its part once that is RGB, before it is normalised: each step drawn in its turn. */
function finishAugment(
  image: Pixels,
  { preprocess, augment: augmentConfig }: Augmentation,
  random: RandomStream,
): Pixels {
  checkColors(augmentConfig);
  const { flipProbability = 0, colorJitterProbability = 1, grayscaleProbability = 0 } = augmentConfig;
  const happens = (name: string, probability: number): boolean => {
    checkWithin(name, probability, [0, 1]);
    return random.uniform() < probability;
  };
  let made = image;
  if (happens("flipProbability", flipProbability)) made = flipHorizontal(made);
  made = byPolicy(made, { preprocess, augment: augmentConfig }, random);
  if (happens("colorJitterProbability", colorJitterProbability)) {
    made = colorJitter(made, augmentConfig.colorJitter ?? {}, random);
  }
  if (happens("grayscaleProbability", grayscaleProbability)) made = toGrayscale(made);
  return made;
}
