import { sidesOf, type ImageSize, type Sides } from "@clip-ts/base";
import { roundHalfEven } from "./crop.ts";
import type { Rectangle } from "./pixel-source.ts";
import type { PreprocessConfig } from "./preprocess-config.ts";
import type { ResizePart } from "./resize.ts";

/** A resize, and the picture that its result becomes the middle of, where that is larger. */
export interface FittedPart extends ResizePart {
  /** Where in that picture the result begins, and the picture's own width and height. */
  readonly frame?: Rectangle;
}

/** What of a config says how large a picture becomes. */
export type FitConfig = Pick<
  PreprocessConfig,
  "size" | "resize" | "resizeTo" | "longestEdge" | "interpolation" | "centerCrop"
>;

/**
 * Width and height after the shortest side becomes `size`; the other is cut to whole pixels, as
 * torchvision's `Resize` does.
 */
export function resizedSize({ width, height }: Sides, size: number): { width: number; height: number } {
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: size, height: long } : { width: long, height: size };
}

/** The same with a limit for the longest side (transformers' `get_size_with_aspect_ratio`). */
function limitedSize({ width, height }: Sides, size: number, most: number): Sides {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const exact = (long / short) * size > most ? (most * short) / long : size;
  const side = Math.max(1, exact === size ? size : roundHalfEven(exact));
  if (short === side) return { width, height };
  return width < height
    ? { width: side, height: Math.trunc((exact * height) / width) }
    : { width: Math.trunc((exact * width) / height), height: side };
}

/** Keeps the shape: the larger or the smaller ratio of sides becomes 1, sides are rounded (open_clip's `ResizeKeepRatio`). */
function keptRatio({ width, height }: Sides, to: Sides, choose: (...ratios: number[]) => number): Sides {
  const ratio = choose(height / to.height, width / to.width);
  const side = (length: number): number => Math.max(1, roundHalfEven(length / ratio));
  return { width: side(width), height: side(height) };
}

/** Width and height of the whole resized picture. */
export function resizedSides(image: Sides, { size, resize, resizeTo = size, longestEdge }: FitConfig): Sides {
  const to = sidesOf(resizeTo);
  if (resize === "squash") return to;
  if (resize === "none") return { width: image.width, height: image.height };
  if (resize === "longest") return keptRatio(image, to, Math.max);
  if (to.width !== to.height) return keptRatio(image, to, Math.min);
  return longestEdge === undefined ? resizedSize(image, to.width) : limitedSize(image, to.width, longestEdge);
}

/** Where pixels along one side lie in the result. */
interface Span {
  /** The first that is kept of the resized ones, and how many are. */
  readonly start: number;
  readonly length: number;
  /** Where the first of them lies in the result. */
  readonly at: number;
}

/** The middle of so many pixels: cut, or with room around it, the odd pixel of which transformers puts before it. */
function spanOf(length: number, size: number, centerCrop: PreprocessConfig["centerCrop"]): Span {
  const isFloor = centerCrop === "floor";
  const half = Math.abs(length - size) / 2;
  if (length < size) return { start: 0, length, at: isFloor ? Math.ceil(half) : Math.floor(half) };
  return { start: isFloor ? Math.floor(half) : roundHalfEven(half), length: size, at: 0 };
}

/** The size that a config gives an image, and the part of the result that it keeps. */
export function fitPart(image: Sides, config: FitConfig): FittedPart {
  const { interpolation, centerCrop } = config;
  const { height, width } = sidesOf(config.size);
  const whole = resizedSides(image, config);
  const part = { width: whole.width, height: whole.height, interpolation };
  if (whole.width === width && whole.height === height) return part;
  const [across, down] = [spanOf(whole.width, width, centerCrop), spanOf(whole.height, height, centerCrop)];
  const crop = { left: across.start, top: down.start, width: across.length, height: down.length };
  if (across.length === width && down.length === height) return { ...part, crop };
  return { ...part, crop, frame: { left: across.at, top: down.at, width, height } };
}

/** Pixels of a picture of a size. */
export function areaOf(size: ImageSize): number {
  const { height, width } = sidesOf(size);
  return height * width;
}
