import { centerOffset, floorOffset } from "./crop.ts";
import { normalize } from "./normalize.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { resize } from "./resize.ts";
import { toRgb } from "./to-rgb.ts";

/** An image as a model sees it: [3, size, size], normalised. The caller owns the result. */
export function preprocess(pixels: Pixels, config: PreprocessConfig): Float32Array {
  return normalize(preprocessToPixels(pixels, config), config);
}

/** `preprocess` before normalising: RGB bytes, size x size. */
export function preprocessToPixels(pixels: Pixels, config: PreprocessConfig): Pixels {
  checkPixels(pixels);
  checkPreprocess(config);
  return convertAround(pixels, config, (source) => fit(source, config));
}

/** Runs `transform` after or before alpha goes, as the config says; gives RGB. */
export function convertAround(
  pixels: Pixels,
  { alpha, convertRgb }: PreprocessConfig,
  transform: (source: Pixels) => Pixels,
): Pixels {
  const background = alpha === "drop" ? undefined : alpha;
  // Grey gives the same bytes in both orders, with a third of the work before it is repeated.
  const isEarly = convertRgb === "before-resize" && pixels.channels === 4;
  return toRgb(transform(isEarly ? toRgb(pixels, background) : pixels), background);
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

function fit(pixels: Pixels, config: PreprocessConfig): Pixels {
  const { size, resize: fitting, interpolation } = config;
  if (fitting === "squash") return resize(pixels, { width: size, height: size, interpolation });
  const { width, height } = resizedSize(pixels, size);
  const offset = config.centerCrop === "floor" ? floorOffset : centerOffset;
  const [left, top] = [offset(width, size), offset(height, size)];
  const crop = { left, top, width: size, height: size };
  return resize(pixels, { width, height, interpolation, crop });
}
