import { ClipError } from "@clip-ts/base";
import { checkColor, type Color } from "./color.ts";
import { checkSize } from "./pixels.ts";
import type { ChannelStatistics } from "./planes.ts";
import type { Interpolation } from "./resample-table.ts";

/** Of the pictures that OpenAI trained CLIP on. */
export const clipStatistics: ChannelStatistics = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** Of ImageNet's colours, with which torchvision's classifiers were trained. */
const imagenetStatistics: ChannelStatistics = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** What brings 0 … 1 to -1 … 1. */
export const halfStatistics: ChannelStatistics = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

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
    `mean and std are three numbers each, std above 0; got [${mean.join(", ")}] and [${std.join(", ")}]`,
    { data: { mean, std } },
  );
}

/** What of a vision tower's config tells the family it is of. */
export interface VisionTraits {
  readonly imageSize: number;
  readonly kind?: string | undefined;
  readonly pooling?: string | undefined;
  readonly preNorm?: boolean | undefined;
  readonly patchBias?: boolean | undefined;
}

/** Whether a vision transformer starts as torchvision's and Hugging Face's plain one do, unlike CLIP's. */
function isPlain({ kind, preNorm, patchBias }: VisionTraits): boolean {
  return kind !== "resnet" && preNorm === false && patchBias === true;
}

/**
 * What a model of this kind was most likely trained with, where no file says it: OpenAI's for CLIP,
 * SigLIP's, ImageNet's statistics for torchvision's transformers, and for those of Hugging Face what
 * their `ViTImageProcessor` does if it is told nothing.
 */
export function usualPreprocess({ vision }: { readonly vision: VisionTraits }): PreprocessConfig {
  const openai = clipPreprocess(vision.imageSize);
  if (vision.pooling === "attention") return siglipPreprocess(vision.imageSize);
  if (!isPlain(vision)) return openai;
  return vision.pooling === "pooler"
    ? { ...openai, resize: "squash", interpolation: "bilinear", ...halfStatistics }
    : { ...openai, interpolation: "bilinear", ...imagenetStatistics };
}

/** The image processor that transformers takes for such a model where a file names none. */
export function usualProcessor({ vision }: { readonly vision: VisionTraits }): string {
  if (vision.pooling === "attention") return "SiglipImageProcessor";
  return isPlain(vision) && vision.pooling === "pooler" ? "ViTImageProcessor" : "CLIPImageProcessor";
}

/** A preprocessing in words: all that changes a number. */
export function describePreprocess(config: PreprocessConfig): string {
  const { size, resize, interpolation, mean, std, alpha, convertRgb, centerCrop } = config;
  const middle = centerCrop === "floor" ? "the middle" : "torchvision's middle";
  const fit = resize === "squash" ? `squashed to ${size}` : `shortest side to ${size}, ${middle}`;
  return [
    fit,
    interpolation,
    ...(convertRgb === "before-resize" ? [] : ["RGB after the resize"]),
    ...(alpha === "drop" ? [] : [`transparency over ${alpha.join(" ")}`]),
    `mean ${mean.join(" ")}`,
    `deviation ${std.join(" ")}`,
  ].join(", ");
}
