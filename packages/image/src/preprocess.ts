import { runYielding, runThrough, type Yielding } from "@clip-ts/base";
import { colorsOf, toRgb, type Color } from "./color.ts";
import { centerOffset, floorOffset } from "./crop.ts";
import { checkPixels, checkRgb, type Pixels } from "./pixels.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { resizing, type ResizePart } from "./resize.ts";

/** Mean and standard deviation of each channel, for values from 0 to 1. */
export interface ChannelStatistics {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/**
 * (byte / 255 - mean) / std as [3, height, width], each step rounded to float32: the numbers of
 * torchvision's `ToTensor` and `Normalize` to the last bit. The caller owns the result.
 */
export function normalize(pixels: Pixels, { mean, std }: ChannelStatistics): Float32Array {
  checkRgb(pixels);
  const { data, width, height } = pixels;
  const count = width * height;
  const planes = new Float32Array(count * 3);
  for (let channel = 0; channel < 3; channel++) {
    const values = normalizedBytes(mean[channel]!, std[channel]!);
    const plane = planes.subarray(channel * count, (channel + 1) * count);
    for (let pixel = 0, byte = channel; pixel < count; pixel++, byte += 3) {
      plane[pixel] = values[data[byte]!]!;
    }
  }
  return planes;
}

/** The normalised value of each of the 256 bytes. */
function normalizedBytes(mean: number, std: number): Float32Array {
  const { fround } = Math;
  const values = new Float32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    values[byte] = fround(fround(fround(byte / 255) - fround(mean)) / fround(std));
  }
  return values;
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

/** `preprocess` before normalising: RGB bytes, size x size. */
export function preprocessToPixels(pixels: Pixels, config: PreprocessConfig): Pixels {
  return runThrough(preprocessing(pixels, config));
}

function preprocessing(pixels: Pixels, config: PreprocessConfig): Yielding<Pixels> {
  checkPixels(pixels);
  checkPreprocess(config);
  return resizingToRgb(pixels, config, fit(pixels, config));
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

function fit(pixels: Pixels, config: PreprocessConfig): ResizePart {
  const { size, resize: fitting, interpolation } = config;
  if (fitting === "squash") return { width: size, height: size, interpolation };
  const { width, height } = resizedSize(pixels, size);
  const offset = config.centerCrop === "floor" ? floorOffset : centerOffset;
  const [left, top] = [offset(width, size), offset(height, size)];
  const crop = { left, top, width: size, height: size };
  return { width, height, interpolation, crop };
}
