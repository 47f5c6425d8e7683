import { runYielding, runThrough, type Yielding } from "@clip-ts/base";
import { colorsOf, toRgb, type Color } from "./color.ts";
import { centerOffset, floorOffset } from "./crop.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { normalizePlanes, writePlanes, type ChannelStatistics } from "./planes.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { resizing, type ResizePart } from "./resize.ts";

/**
 * (byte / 255 - mean) / std as [3, height, width], each step rounded to float32: the numbers of
 * torchvision's `ToTensor` and `Normalize` to the last bit. The caller owns the result.
 */
export function normalize(pixels: Pixels, statistics: ChannelStatistics): Float32Array {
  const { data, width, height } = pixels;
  const planes = new Uint8ClampedArray(data.length);
  writePlanes(pixels, planes);
  return normalizePlanes(planes, width * height, statistics);
}

/** An image as a model sees it: [3, size, size], normalised. The caller owns the result. */
export function preprocess(pixels: Pixels, config: PreprocessConfig): Float32Array {
  return normalize(preprocessToPixels(pixels, config), config);
}

/**
 * `preprocess` that yields to the event loop every 40 ms, for images of any size; small
 * ones take none.
 */
export async function preprocessYielding(pixels: Pixels, config: PreprocessConfig): Promise<Float32Array> {
  return normalize(await runYielding(preprocessing(pixels, config)), config);
}

/**
 * `preprocess` before normalising, for batches of bytes: red, green and blue planes [3, size, size] are
 * written to `target`, of which `normalizePlanes` makes what `preprocess` gives. Throws "bad-shape" if
 * the target has another size.
 */
export function preprocessBytes(pixels: Pixels, config: PreprocessConfig, target: Uint8ClampedArray): void {
  writePlanes(preprocessToPixels(pixels, config), target);
}

/** `preprocess` before normalising: RGB bytes, size x size. */
export function preprocessToPixels(pixels: Pixels, config: PreprocessConfig): Pixels {
  return runThrough(preprocessing(pixels, config));
}

function preprocessing(pixels: Pixels, config: PreprocessConfig): Yielding<Pixels> {
  checkPixels(pixels);
  checkPreprocess(config);
  return resizingToRgb(pixels, config, fitPart(pixels, config));
}

/** An image as it counts under a config: whether a transparency that its file names is alpha. */
export function underConfig(pixels: Pixels, { alpha }: Pick<PreprocessConfig, "alpha">): Pixels {
  const { data, width, height, channels, mode } = pixels;
  const isNamed = mode === "keyed" || (mode === "indexed" && channels === 4);
  // Where a background is wanted the transparency is meant, as in Pillow's convert("RGBA").
  return isNamed && alpha !== "drop" ? { data, width, height, channels } : pixels;
}

/**
 * Resizes before or after the image becomes RGB, as the config says. Before: in the image's own mode,
 * whatever that is, as Pillow does.
 */
export function* resizingToRgb(
  pixels: Pixels,
  config: Pick<PreprocessConfig, "alpha" | "convertRgb">,
  part: ResizePart,
): Yielding<Pixels> {
  const background: Color | undefined = config.alpha === "drop" ? undefined : config.alpha;
  const image = underConfig(pixels, config);
  const isEarly = config.convertRgb === "before-resize" || image.mode === "keyed";
  if (!isEarly) return toRgb(yield* resizing(image, part), background);
  const { data, width, height, channels } = image;
  const map = colorsOf(image, background);
  const plain = map === undefined ? { data, width, height, channels } : image;
  return toRgb(yield* resizing(plain, { ...part, map }));
}

/**
 * Width and height after the shortest side becomes `size`; the other is cut to whole pixels, as
 * torchvision's `Resize` does.
 */
export function resizedSize(
  { width, height }: { readonly width: number; readonly height: number },
  size: number,
): { width: number; height: number } {
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: size, height: long } : { width: long, height: size };
}

/** The size that a config gives an image, and the part of the result that it keeps. */
export function fitPart(
  image: { readonly width: number; readonly height: number },
  config: Pick<PreprocessConfig, "size" | "resize" | "interpolation" | "centerCrop">,
): ResizePart {
  const { size, resize: fitting, interpolation } = config;
  if (fitting === "squash") return { width: size, height: size, interpolation };
  const { width, height } = resizedSize(image, size);
  const offset = config.centerCrop === "floor" ? floorOffset : centerOffset;
  const [left, top] = [offset(width, size), offset(height, size)];
  const crop = { left, top, width: size, height: size };
  return { width, height, interpolation, crop };
}
