import { sameSize, sidesOf, sizeOf, type ImageSize, type Sides } from "@clip-ts/base";
import { inputSize } from "./patches.ts";
import { isPatches, type PatchesConfig, type PreprocessConfig, type Preprocessing } from "./preprocess-config.ts";

/** Planes of another size: what is resized to more or less than the size before the middle is cut
 * out keeps its ratio to it, in whole pixels. */
function planesAtSize(config: PreprocessConfig, size: ImageSize): PreprocessConfig {
  const { size: before, resizeTo, longestEdge, ...rest } = config;
  const [from, to] = [sidesOf(before), sidesOf(size)];
  const scaled = (length: number, axis: keyof Sides): number =>
    Math.max(1, Math.round((length * to[axis]) / from[axis]));
  const aim = resizeTo === undefined ? undefined : sidesOf(resizeTo);
  return {
    ...rest,
    size,
    ...(aim && { resizeTo: sizeOf({ height: scaled(aim.height, "height"), width: scaled(aim.width, "width") }) }),
    ...(longestEdge !== undefined && { longestEdge: scaled(longestEdge, "height") }),
  };
}

/** As many patches as an image of this size has. */
function patchesAtSize(config: PatchesConfig, size: ImageSize): PatchesConfig {
  const { height, width } = sidesOf(size);
  const { patchSize } = config;
  return { ...config, maxPatches: Math.max(1, Math.floor((height / patchSize) * (width / patchSize))) };
}

/**
 * A preprocessing for results of another size, of patches for as many as an image of that size has. What is resized to
 * more or less than the size before the middle is cut out keeps its ratio to it, in whole pixels.
 */
export function preprocessAtSize(config: PreprocessConfig, size: ImageSize): PreprocessConfig;
export function preprocessAtSize(config: Preprocessing, size: ImageSize): Preprocessing;
export function preprocessAtSize(config: Preprocessing, size: ImageSize): Preprocessing {
  if (sameSize(size, inputSize(config))) return config;
  return isPatches(config) ? patchesAtSize(config, size) : planesAtSize(config, size);
}
