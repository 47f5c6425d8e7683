import { type RandomStream, runYielding, runThrough, type Yielding } from "@clip-ts/base";
import { toGrayscale } from "./color.ts";
import { colorJitter, type ColorJitterStrengths } from "./color-jitter.ts";
import { flipHorizontal } from "./crop.ts";
import { normalize, resizingToRgb } from "./preprocess.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { drawCrop } from "./random-resized-crop.ts";
import { checkWithin, type Range } from "./resample-table.ts";

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
  return runThrough(augmenting(pixels, preprocessConfig, augmentConfig, random));
}

/** `augment` that yields to the event loop every 40 ms. */
export function augmentYielding(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Promise<Float32Array> {
  return runYielding(augmenting(pixels, preprocessConfig, augmentConfig, random));
}

function* augmenting(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  augmentConfig: AugmentConfig,
  random: RandomStream,
): Yielding<Float32Array> {
  checkPixels(pixels);
  const { size, interpolation } = checkPreprocess(preprocessConfig);
  const { scale, ratio } = augmentConfig;
  const { flipProbability = 0, colorJitterProbability = 1, grayscaleProbability = 0 } = augmentConfig;
  const happens = (name: string, probability: number): boolean => {
    checkWithin(name, probability, [0, 1]);
    return random.uniform() < probability;
  };
  const cropOptions = {
    size,
    interpolation,
    ...(scale === undefined ? {} : { scale }),
    ...(ratio === undefined ? {} : { ratio }),
  };

  const part = drawCrop(pixels, cropOptions, random);
  let image = yield* resizingToRgb(pixels, preprocessConfig, part);
  if (happens("flipProbability", flipProbability)) image = flipHorizontal(image);
  if (happens("colorJitterProbability", colorJitterProbability)) {
    image = colorJitter(image, augmentConfig.colorJitter ?? {}, random);
  }
  if (happens("grayscaleProbability", grayscaleProbability)) image = toGrayscale(image);
  return normalize(image, preprocessConfig);
}
