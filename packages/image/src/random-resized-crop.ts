import { type RandomStream, runThrough } from "@clip-ts/base";
import { roundHalfEven } from "./crop.ts";
import { checkPixels, checkSize, type Pixels } from "./pixels.ts";
import { checkRange, drawFrom, type Range } from "./ranges.ts";
import type { Interpolation } from "./resample-table.ts";
import type { Rectangle } from "./pixel-source.ts";
import { resizing, type ResizePart } from "./resize.ts";

/** Which part of an image is drawn, and what becomes of it. */
export interface RandomCropOptions {
  /** Width and height of the result. */
  readonly size: number;
  /** Part of the image's area, evenly drawn. Default [0.9, 1], as CLIP was trained. */
  readonly scale?: Range;
  /** Width by height, its logarithm evenly drawn. Default [3/4, 4/3]. */
  readonly ratio?: Range;
  /** Default "bicubic". */
  readonly interpolation?: Interpolation;
}

const tries = 10;

/** A random part of the image at a new size: torchvision's `RandomResizedCrop`. */
export function randomResizedCrop(
  pixels: Pixels,
  options: RandomCropOptions,
  random: RandomStream,
): Pixels {
  checkPixels(pixels);
  return runThrough(resizing(pixels, drawCrop(pixels, options, random)));
}

/** Draws the part of an image that `randomResizedCrop` enlarges or shrinks. */
export function drawCrop(
  image: { readonly width: number; readonly height: number },
  options: RandomCropOptions,
  random: RandomStream,
): ResizePart {
  const { size, scale = [0.9, 1], ratio = [3 / 4, 4 / 3], interpolation = "bicubic" } = options;
  checkSize("size", size);
  checkRange("scale", scale, [Number.MIN_VALUE, 1]);
  checkRange("ratio", ratio, [Number.MIN_VALUE, Number.MAX_VALUE]);
  const area = drawRectangle(image, { scale, ratio }, random);
  return { area, width: size, height: size, interpolation };
}

interface CropRanges {
  readonly scale: Range;
  readonly ratio: Range;
}

/** Tries ten rectangles; if none fits, takes the middle at the nearest allowed ratio. */
export function drawRectangle(
  image: { readonly width: number; readonly height: number },
  { scale, ratio }: CropRanges,
  random: RandomStream,
): Rectangle {
  const logRatio: Range = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < tries; attempt++) {
    const area = image.width * image.height * drawFrom(scale, random);
    const aspect = Math.exp(drawFrom(logRatio, random));
    const width = roundHalfEven(Math.sqrt(area * aspect));
    const height = roundHalfEven(Math.sqrt(area / aspect));
    const fits = width > 0 && height > 0 && width <= image.width && height <= image.height;
    if (!fits) continue;
    const top = random.integer(image.height - height + 1);
    const left = random.integer(image.width - width + 1);
    return { left, top, width, height };
  }
  return middleRectangle(image, ratio);
}

function middleRectangle(
  image: { readonly width: number; readonly height: number },
  [narrowest, widest]: Range,
): Rectangle {
  const aspect = image.width / image.height;
  // At least one pixel, where a very long image would round to none.
  const width = aspect > widest ? Math.max(roundHalfEven(image.height * widest), 1) : image.width;
  const height =
    aspect < narrowest ? Math.max(roundHalfEven(image.width / narrowest), 1) : image.height;
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  return { left, top, width, height };
}
