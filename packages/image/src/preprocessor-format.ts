import { sidesOf, type ImageSize } from "@clip-ts/base";
import { checkPreprocess, isPatches, type PreprocessConfig, type Preprocessing } from "./preprocess-config.ts";
import type { Interpolation } from "./resample-table.ts";

/** Pillow's numbers for its filters. */
export const resampleCodes: Readonly<Record<Interpolation, number>> = {
  nearest: 0,
  lanczos: 1,
  bilinear: 2,
  bicubic: 3,
  box: 4,
  hamming: 5,
};

/** Whether transformers has words for how pictures are made to fit. */
export function hasWords({ resize, size, resizeTo = size }: PreprocessConfig): boolean {
  const { height, width } = sidesOf(resizeTo);
  return resize === "squash" || resize === "none" || (resize === "shortest" && height === width);
}

const pair = (size: ImageSize): object => ({ ...sidesOf(size) });

/** The keys for sizes; a fit without words is put as the one that makes the same size and leaves nothing out. */
function formatSizes(config: PreprocessConfig): object {
  const { size, resize, resizeTo = size, longestEdge } = config;
  const crop = { do_center_crop: true, crop_size: pair(size) };
  if (resize === "none") return { do_resize: false, size: pair(size), ...crop };
  if (!hasWords(config)) return { do_resize: true, size: pair(size), do_center_crop: false };
  if (resize === "squash") {
    const isWhole = config.resizeTo === undefined;
    return { do_resize: true, size: pair(resizeTo), ...(isWhole ? { do_center_crop: false } : crop) };
  }
  const limit = longestEdge === undefined ? {} : { longest_edge: longestEdge };
  return { do_resize: true, size: { shortest_edge: sidesOf(resizeTo).height, ...limit }, ...crop };
}

/** The class of a preprocessing, and its sizes. */
function formatKind(config: Preprocessing): object {
  if (isPatches(config)) {
    const { patchSize, maxPatches } = config;
    const image_processor_type = "Siglip2ImageProcessor";
    return { image_processor_type, do_resize: true, patch_size: patchSize, max_num_patches: maxPatches };
  }
  const { do_center_crop, ...sizes } = formatSizes(config) as Record<string, unknown>;
  const image_processor_type = do_center_crop === true ? "CLIPImageProcessor" : "SiglipImageProcessor";
  return { image_processor_type, ...sizes, do_center_crop };
}

/** How pictures are made to fit, as far as clip-ts alone reads it. */
function formatOwnFit(config: PreprocessConfig): object {
  const { resize, resizeTo, fill = 0, centerCrop } = config;
  const fit = hasWords(config) ? {} : { resize, ...(resizeTo !== undefined && { resize_to: resizeTo }) };
  return { ...fit, ...(fill > 0 && { fill }), ...(centerCrop === "floor" ? {} : { center_crop: centerCrop }) };
}

/** What clip-ts alone reads. */
function formatOwn(config: Preprocessing): object {
  const { alpha, convertRgb } = config;
  return {
    ...(isPatches(config) ? {} : formatOwnFit(config)),
    ...(alpha === "drop" ? {} : { alpha }),
    ...(convertRgb === "before-resize" ? {} : { convert_rgb: convertRgb }),
  };
}

/**
 * The values of a Hugging Face `preprocessor_config.json` that makes transformers and
 * transformers.js do the same. What they have no words for stands under "clip_ts".
 */
export function formatPreprocessorConfig(config: Preprocessing): object {
  checkPreprocess(config);
  const own = formatOwn(config);
  return {
    ...formatKind(config),
    resample: resampleCodes[config.interpolation],
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [...config.mean],
    image_std: [...config.std],
    do_convert_rgb: true,
    ...(Object.keys(own).length === 0 ? {} : { clip_ts: own }),
  };
}
