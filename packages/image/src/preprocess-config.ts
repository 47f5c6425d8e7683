import { ClipError } from "@clip-ts/base";
import type { ChannelStatistics } from "./normalize.ts";
import { checkSize } from "./pixels.ts";
import type { Interpolation } from "./resample-table.ts";
import { checkColor, type Color } from "./check-color.ts";

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
   * What becomes of alpha: forgotten, or the image is laid over this colour, then also where its file
   * only names a transparent colour.
   */
  readonly alpha: "drop" | Color;
}

/** The preprocessing of OpenAI's CLIP models (Radford et al. 2021, released code and weights). */
export function clipPreprocess(size: number): PreprocessConfig {
  return checkPreprocess({
    size,
    resize: "shortest",
    interpolation: "bicubic",
    convertRgb: "before-resize",
    alpha: "drop",
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  });
}

/** The preprocessing of SigLIP (Zhai et al. 2023, arXiv:2303.15343): squashed, values -1 … 1. */
export function siglipPreprocess(size: number): PreprocessConfig {
  const half = [0.5, 0.5, 0.5] as const;
  return { ...clipPreprocess(size), resize: "squash", mean: half, std: half };
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
