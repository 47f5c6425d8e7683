import { ClipError } from "@clip-ts/base";
import type { ChannelStatistics } from "./normalize.ts";
import { checkSize } from "./pixels.ts";
import type { Interpolation } from "./resample-table.ts";
import { checkColor, type Color } from "./check-color.ts";
import { clipStatistics, halfStatistics } from "./statistics.ts";

/** How an image becomes a model's input [3, size, size]. */
export interface PreprocessConfig extends ChannelStatistics {
  /** Width and height of the result. */
  readonly size: number;
  /** Shortest side to `size`, then the middle; or both sides to `size`, whatever the shape. */
  readonly resize: "shortest" | "squash";
  readonly interpolation: Interpolation;
  /**
   * Whether an image becomes RGB before the resize (Hugging Face) or after it (OpenAI, open_clip:
   * meanwhile colours are weighted by alpha, palettes give the nearest pixel, inks and deep samples
   * are resized as such). The same for images of plain grey or RGB.
   */
  readonly convertRgb: "before-resize" | "after-resize";
  /**
   * Where the middle starts between two pixels: the one before (Hugging Face), or the even one
   * (torchvision, so OpenAI and open_clip).
   */
  readonly centerCrop: "floor" | "half-even";
  /**
   * What becomes of alpha: forgotten, or the image is laid over this colour, then also where its file
   * only names a transparent colour.
   */
  readonly alpha: "drop" | Color;
}

/** The preprocessing of CLIP models (Radford et al. 2021) as Hugging Face's `CLIPImageProcessor` does it. */
export function clipPreprocess(size: number): PreprocessConfig {
  return checkPreprocess({
    size,
    resize: "shortest",
    interpolation: "bicubic",
    convertRgb: "before-resize",
    centerCrop: "floor",
    alpha: "drop",
    ...clipStatistics,
  });
}

/** The same with torchvision's steps, which OpenAI's code and open_clip take. */
export function torchvisionPreprocess(config: PreprocessConfig): PreprocessConfig {
  return { ...config, convertRgb: "after-resize", centerCrop: "half-even" };
}

/** The preprocessing of SigLIP (Zhai et al. 2023, arXiv:2303.15343): squashed, values -1 … 1. */
export function siglipPreprocess(size: number): PreprocessConfig {
  return { ...clipPreprocess(size), resize: "squash", ...halfStatistics };
}

/** The config itself. Throws "bad-shape", "bad-argument" or "bad-config" for values out of range. */
export function checkPreprocess(config: PreprocessConfig): PreprocessConfig {
  checkSize("size", config.size);
  if (config.alpha !== "drop") checkColor(config.alpha);
  const { mean, std } = config;
  const isValid =
    mean.length === 3 &&
    std.length === 3 &&
    [...mean, ...std].every(Number.isFinite) &&
    std.every((value) => value > 0);
  if (isValid) return config;
  throw new ClipError(
    "bad-config",
    `mean and std are three numbers each, std above 0; got [${mean.join(", ")}] and ` +
      `[${std.join(", ")}]`,
    { data: { mean, std } },
  );
}
