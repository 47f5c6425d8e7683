import { runYielding, runThrough, type Yielding } from "@clip-ts/base";
import { colorsOf, toRgb, type Color } from "./color.ts";
import { framed } from "./crop.ts";
import { fitPart, type FittedPart } from "./fit.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { normalizePlanes, writePlanes, type ChannelStatistics } from "./planes.ts";
import { inputBytes, normalizeInput, patchedSize, writePatches } from "./patches.ts";
import { checkPreprocess, isPatches, type PreprocessConfig, type Preprocessing } from "./preprocess-config.ts";
import { resizing } from "./resize.ts";

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

/** A prepared image's numbers. */
function finish(pixels: Pixels, config: Preprocessing): Float32Array {
  const bytes = new Uint8ClampedArray(inputBytes(config));
  writeBytes(pixels, config, bytes);
  return normalizeInput(bytes, config);
}

function writeBytes(pixels: Pixels, config: Preprocessing, target: Uint8ClampedArray): void {
  if (isPatches(config)) writePatches(pixels, config, target);
  else writePlanes(pixels, target);
}

/**
 * An image as a model sees it: [3, height, width], normalised; or as many patches as it has, [patches, patchSize² · 3 + 4],
 * each with its row, its column, and the image's rows and columns behind its pixels. The caller owns the result.
 */
export function preprocess(pixels: Pixels, config: Preprocessing): Float32Array {
  return finish(preprocessToPixels(pixels, config), config);
}

/**
 * `preprocess` that yields to the event loop every 40 ms, for images of any size; small
 * ones take none.
 */
export async function preprocessYielding(pixels: Pixels, config: Preprocessing): Promise<Float32Array> {
  return finish(await runYielding(preprocessing(pixels, config)), config);
}

/**
 * `preprocess` before normalising, for batches of bytes: red, green and blue planes [3, height, width] are
 * written to `target`, or patches, of which `normalizeInput` makes what `preprocess` gives. Throws "bad-shape" if
 * the target has another size than `inputBytes`.
 */
export function preprocessBytes(pixels: Pixels, config: Preprocessing, target: Uint8ClampedArray): void {
  writeBytes(preprocessToPixels(pixels, config), config, target);
}

/** `preprocess` before normalising: RGB bytes of the config's size, or of whole patches high and wide. */
export function preprocessToPixels(pixels: Pixels, config: Preprocessing): Pixels {
  return runThrough(preprocessing(pixels, config));
}

function preprocessing(pixels: Pixels, config: Preprocessing): Yielding<Pixels> {
  checkPixels(pixels);
  checkPreprocess(config);
  const part = isPatches(config)
    ? { ...patchedSize(pixels, config), interpolation: config.interpolation }
    : fitPart(pixels, config);
  return resizingToRgb(pixels, config, part);
}

/** An image as it counts under a config: whether a transparency that its file names is alpha. */
export function underConfig(pixels: Pixels, { alpha }: Pick<PreprocessConfig, "alpha">): Pixels {
  const { data, width, height, channels, mode } = pixels;
  const isNamed = mode === "keyed" || (mode === "indexed" && channels === 4);
  // Where a background is wanted the transparency is meant, as in Pillow's convert("RGBA").
  return isNamed && alpha !== "drop" ? { data, width, height, channels } : pixels;
}

/** What an image's own mode makes of the number that fills: of an index, its colour; in black and white, white. */
function fillOf({ mode, channels, palette }: Pixels, fill = 0): number | Uint8Array {
  if (mode !== "indexed") return fill;
  if (palette === undefined) return channels !== 3 && fill > 0 ? 255 : fill; // such are black and white
  const index = 3 * Math.trunc(fill);
  return Uint8Array.of(...palette.subarray(index, index + 3), 255).subarray(0, channels);
}

/**
 * Resizes before or after the image becomes RGB, as the config says. Before: in the image's own mode,
 * whatever that is, as Pillow does.
 */
export function* resizingToRgb(
  pixels: Pixels,
  config: Pick<PreprocessConfig, "alpha" | "convertRgb" | "fill">,
  { frame, ...part }: FittedPart,
): Yielding<Pixels> {
  const filled = (made: Pixels, fill: number | Uint8Array = config.fill ?? 0): Pixels =>
    frame === undefined ? made : framed(made, frame, fill);
  const background: Color | undefined = config.alpha === "drop" ? undefined : config.alpha;
  const image = underConfig(pixels, config);
  const isEarly = config.convertRgb === "before-resize" || image.mode === "keyed";
  if (!isEarly) return toRgb(filled(yield* resizing(image, part), fillOf(image, config.fill)), background);
  const { data, width, height, channels } = image;
  const map = colorsOf(image, background);
  const plain = map === undefined ? { data, width, height, channels } : image;
  return toRgb(filled(yield* resizing(plain, { ...part, map })));
}
