import { runThrough, sidesOf, type ImageSize, type RandomStream } from "@clip-ts/base";
import { roundHalfEven } from "./crop.ts";
import type { Rectangle } from "./pixel-source.ts";
import { checkPixels, checkSize, type Pixels } from "./pixels.ts";
import { checkRange, checkWithin, drawFrom, type Interpolation, type Range } from "./resample-table.ts";
import { resizing, type ResizePart } from "./resize.ts";

/** Which part of an image a view may show. */
export interface ViewRanges {
  /** Part of the image's area that is shown. Default [0.9, 1]. */
  readonly scale?: Range;
  /** Width by height of the part that is shown, its logarithm evenly drawn. Default [3/4, 4/3]. */
  readonly ratio?: Range;
  /** Most degrees that the image is turned, either way. Default 0. */
  readonly rotation?: number;
  /** Most that the part leaves the image, as a share of the part's side. Default 0. */
  readonly translation?: number;
  /** Chance of a mirrored image. Default 0: captions know left from right. */
  readonly flipProbability?: number;
}

/**
 * Where the places of a view lie in its image: (x, y) in 0 … 1 → [0]·x + [1]·y + [2] across and
 * [3]·x + [4]·y + [5] down, in pixels of the image.
 */
export type Placement = readonly [number, number, number, number, number, number];

/** Middle of a part so long along an axis of the image, up to `beyond` parts outside of it. */
function drawMiddle(length: number, part: number, beyond: number, random: RandomStream): number {
  const reach = Math.max(0, length - part) / 2 + beyond * part;
  return length / 2 + drawFrom([-reach, reach], random);
}

/** Draws what a view shows. Takes six numbers off the stream, whatever the ranges. */
export function drawPlacement({ width, height }: Pixels, ranges: ViewRanges, random: RandomStream): Placement {
  const { scale = [0.9, 1], ratio = [3 / 4, 4 / 3], rotation = 0, translation = 0 } = ranges;
  const { flipProbability = 0 } = ranges;
  checkRange("scale", scale, [Number.MIN_VALUE, Number.MAX_VALUE]);
  checkRange("ratio", ratio, [Number.MIN_VALUE, Number.MAX_VALUE]);
  checkWithin("rotation", rotation, [0, 180]);
  checkWithin("translation", translation, [0, 1]);
  checkWithin("flipProbability", flipProbability, [0, 1]);
  const area = width * height * drawFrom(scale, random);
  const aspect = Math.exp(drawFrom([Math.log(ratio[0]), Math.log(ratio[1])], random));
  const across = Math.sqrt(area * aspect);
  const down = Math.sqrt(area / aspect);
  const middleX = drawMiddle(width, across, translation, random);
  const middleY = drawMiddle(height, down, translation, random);
  const angle = (drawFrom([-rotation, rotation], random) * Math.PI) / 180;
  const mirror = random.uniform() < flipProbability ? -1 : 1;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const xx = across * cosine * mirror;
  const xy = -down * sine;
  const yx = across * sine * mirror;
  const yy = down * cosine;
  return [xx, xy, middleX - (xx + xy) / 2, yx, yy, middleY - (yx + yy) / 2];
}

/** Which part of an image is drawn, and what becomes of it. */
export interface RandomCropOptions {
  /** Of the result. */
  readonly size: ImageSize;
  /** Part of the image's area, evenly drawn. Default [0.9, 1], as CLIP was trained. */
  readonly scale?: Range;
  /** Width by height, its logarithm evenly drawn. Default [3/4, 4/3]. */
  readonly ratio?: Range;
  /** Default "bicubic". */
  readonly interpolation?: Interpolation;
}

const tries = 10;

/** A random part of the image at a new size: torchvision's `RandomResizedCrop`. */
export function randomResizedCrop(pixels: Pixels, options: RandomCropOptions, random: RandomStream): Pixels {
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
  const { height, width } = sidesOf(size);
  checkSize("size", height);
  checkSize("size", width);
  checkRange("scale", scale, [Number.MIN_VALUE, 1]);
  checkRange("ratio", ratio, [Number.MIN_VALUE, Number.MAX_VALUE]);
  const area = drawRectangle(image, { scale, ratio }, random);
  return { area, width, height, interpolation };
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
  const height = aspect < narrowest ? Math.max(roundHalfEven(image.width / narrowest), 1) : image.height;
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  return { left, top, width, height };
}
