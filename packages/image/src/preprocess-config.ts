import { ClipError, sameSize, shownSize, sidesOf, type ImageSize } from "@clip-ts/base";
import { checkColor, type Color } from "./color.ts";
import { checkSize } from "./pixels.ts";
import type { ChannelStatistics } from "./planes.ts";
import { checkWithin, interpolations, type Interpolation } from "./resample-table.ts";

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

/** What a resize makes fit: the shortest side, the longest, both whatever the shape, or nothing. */
export type ResizeMode = "shortest" | "longest" | "squash" | "none";

/** All of them. */
export const resizeModes: readonly ResizeMode[] = ["shortest", "longest", "squash", "none"];

/** How an image becomes a model's input [3, height, width]. */
export interface PreprocessConfig extends ChannelStatistics {
  /** Of the result. */
  readonly size: ImageSize;
  /** How the image is resized. Then the middle is kept of what exceeds the size, and what lacks is filled. */
  readonly resize: ResizeMode;
  /** What the resize makes, where that is not `size`. */
  readonly resizeTo?: ImageSize;
  /** Of "shortest": the most that the other side may become, for which the shortest then becomes shorter. */
  readonly longestEdge?: number;
  /** Brightness of what is filled, 0 (the default) to 255, in each channel that the image then has. */
  readonly fill?: number;
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

/**
 * How an image becomes rows of patches and keeps its shape, as SigLIP 2's NaFlex models take it (Tschannen et al. 2025,
 * arXiv:2502.14786): both sides become multiples of the patch, as large as `maxPatches` allow.
 */
export interface PatchesConfig
  extends ChannelStatistics, Pick<PreprocessConfig, "interpolation" | "convertRgb" | "alpha"> {
  readonly kind: "patches";
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Most patches of an image: what bounds memory and time, whatever shapes images have. */
  readonly maxPatches: number;
}

/** How an image becomes a model's input: planes of a square, or rows of patches. */
export type Preprocessing = PreprocessConfig | PatchesConfig;

/** What of a preprocessing says how large an input is: of planes their size alone. */
export type InputForm = PatchesConfig | Pick<PreprocessConfig, "size">;

/** Whether images become rows of patches. */
export function isPatches(config: InputForm): config is PatchesConfig {
  return "kind" in config && config.kind === "patches";
}

/** The preprocessing of CLIP models (Radford et al. 2021) as Hugging Face's `CLIPImageProcessor` does it. */
export function clipPreprocess(size: ImageSize): PreprocessConfig {
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

/** The same with torchvision's steps, which OpenAI's code and open_clip take; they know no patches. */
export function torchvisionPreprocess(config: PreprocessConfig): PreprocessConfig;
export function torchvisionPreprocess(config: Preprocessing): Preprocessing;
export function torchvisionPreprocess(config: Preprocessing): Preprocessing {
  if (isPatches(config)) return config;
  return { ...config, convertRgb: "after-resize", centerCrop: "half-even" };
}

/** The preprocessing of SigLIP (Zhai et al. 2023, arXiv:2303.15343): squashed, values -1 … 1. */
export function siglipPreprocess(size: ImageSize): PreprocessConfig {
  return { ...clipPreprocess(size), resize: "squash", ...halfStatistics };
}

/** The preprocessing of SigLIP 2's NaFlex models, as transformers' `Siglip2ImageProcessorPil` does it. */
export function naflexPreprocess(patchSize = 16, maxPatches = 256): PatchesConfig {
  const { convertRgb, alpha } = clipPreprocess(patchSize);
  const config = { kind: "patches", patchSize, maxPatches, interpolation: "bilinear" } as const;
  return checkPreprocess({ ...config, convertRgb, alpha, ...halfStatistics });
}

/** Throws "bad-shape" unless both sides are positive whole numbers. */
function checkSides(name: string, size: ImageSize): void {
  if (typeof size === "number") return checkSize(name, size);
  const { height, width } = sidesOf(size);
  checkSize(`the height of ${name}`, height);
  checkSize(`the width of ${name}`, width);
}

function checkWord(name: string, word: string, known: readonly string[]): void {
  if (known.includes(word)) return;
  throw new ClipError("bad-config", `${name} must be one of ${known.join(", ")}, got ${JSON.stringify(word)}`, {
    data: { name, value: word },
  });
}

function checkFit({ size, resize, resizeTo, longestEdge, fill, interpolation }: PreprocessConfig): void {
  checkSides("size", size);
  checkWord("resize", resize, resizeModes);
  checkWord("interpolation", interpolation, interpolations);
  if (resizeTo !== undefined) checkSides("resizeTo", resizeTo);
  if (longestEdge !== undefined) checkSize("longestEdge", longestEdge);
  if (fill !== undefined) checkWithin("fill", fill, [0, 255]);
}

/** The config itself. Throws "bad-shape", "bad-argument" or "bad-config" for values out of range. */
export function checkPreprocess<Config extends Preprocessing>(config: Config): Config {
  const own: Preprocessing = config;
  if (isPatches(own)) {
    checkSize("patchSize", own.patchSize);
    checkSize("maxPatches", own.maxPatches);
    checkWord("interpolation", own.interpolation, interpolations);
  } else checkFit(own);
  if (config.alpha !== "drop") checkColor(config.alpha);
  checkStatistics(config);
  return config;
}

/** @throws ClipError "bad-config" for means and deviations that nothing can be normalised by. */
function checkStatistics({ mean, std }: ChannelStatistics): void {
  const isValid =
    mean.length === 3 &&
    std.length === 3 &&
    [...mean, ...std].every(Number.isFinite) &&
    std.every((value) => value > 0);
  if (isValid) return;
  throw new ClipError(
    "bad-config",
    `mean and std are three numbers each, std above 0; got [${mean.join(", ")}] and [${std.join(", ")}]`,
    { data: { mean, std } },
  );
}

/** What of a vision tower's config tells the family it is of. */
export interface VisionTraits {
  readonly imageSize: ImageSize;
  readonly kind?: string | undefined;
  readonly patchSize?: ImageSize | undefined;
  readonly pooling?: string | undefined;
  readonly preNorm?: boolean | undefined;
  readonly patchBias?: boolean | undefined;
}

/** Whether a vision transformer starts as torchvision's and Hugging Face's plain one do, unlike CLIP's. */
function isPlain({ kind, preNorm, patchBias }: VisionTraits): boolean {
  return kind !== "resnet" && preNorm === false && patchBias === true;
}

/** Whether a vision transformer is CLIPA's (Li et al. 2023, arXiv:2305.07017): no norm in front, the mean of its patches. */
function isClipa({ kind, preNorm, patchBias = false, pooling }: VisionTraits): boolean {
  return kind !== "resnet" && preNorm === false && !patchBias && pooling === "mean";
}

/** As many patches as the model's table of positions has places, which is what published models are trained with. */
function usualPatches({ imageSize, patchSize = 16 }: VisionTraits): PatchesConfig {
  const patch = sidesOf(patchSize).height;
  const { height, width } = sidesOf(imageSize);
  return naflexPreprocess(patch, Math.floor(height / patch) * Math.floor(width / patch));
}

/**
 * What a model of this kind was most likely trained with, where no file says it: OpenAI's for CLIP,
 * SigLIP's, ImageNet's statistics for torchvision's transformers and CLIPA (which squashes, as open_clip has it
 * beside the weights), and for those of Hugging Face what their `ViTImageProcessor` does if it is told nothing; Swin's
 * with ImageNet's statistics, ALIGN's from -1 to 1.
 */
export function usualPreprocess({ vision }: { readonly vision: VisionTraits }): Preprocessing {
  if (vision.kind === "naflex") return usualPatches(vision);
  const openai = clipPreprocess(vision.imageSize);
  if (vision.pooling === "attention") return siglipPreprocess(vision.imageSize);
  if (vision.kind === "swin") return { ...openai, resize: "squash", ...imagenetStatistics };
  if (vision.kind === "efficientnet") {
    return { ...openai, resize: "squash", interpolation: "bilinear", ...halfStatistics };
  }
  const imagenet: PreprocessConfig = { ...openai, interpolation: "bilinear", ...imagenetStatistics };
  if (isClipa(vision)) return { ...imagenet, resize: "squash" };
  if (!isPlain(vision)) return openai;
  return vision.pooling === "pooler"
    ? { ...openai, resize: "squash", interpolation: "bilinear", ...halfStatistics }
    : imagenet;
}

/** The image processor that transformers takes for such a model where a file names none. */
export function usualProcessor({ vision }: { readonly vision: VisionTraits }): string {
  if (vision.kind === "naflex") return "Siglip2ImageProcessor";
  if (vision.pooling === "attention") return "SiglipImageProcessor";
  const isSquashed = vision.kind === "swin" || vision.kind === "efficientnet";
  return isSquashed || (isPlain(vision) && vision.pooling === "pooler") ? "ViTImageProcessor" : "CLIPImageProcessor";
}

const aims: Readonly<Record<Exclude<ResizeMode, "none">, string>> = {
  shortest: "shortest side to",
  longest: "longest side to",
  squash: "squashed to",
};

const limitWords = (longestEdge: number | undefined): string[] =>
  longestEdge === undefined ? [] : [`the other to ${longestEdge} at most`];

const fillWords = (resize: ResizeMode, fill: number): string[] =>
  resize === "longest" || fill > 0 ? [`filled with ${fill}`] : [];

/** How an image is made to fit, in words. */
function describeFit({ size, resize, resizeTo = size, longestEdge, fill = 0, centerCrop }: PreprocessConfig): string[] {
  const middle = centerCrop === "floor" ? "the middle" : "torchvision's middle";
  const isOwnSize = sameSize(resizeTo, size) && resize !== "none";
  const aim = resize === "none" ? "not resized" : `${aims[resize]} ${shownSize(resizeTo)}`;
  const cut = isOwnSize ? middle : `${middle} ${shownSize(size)}`;
  return [
    aim,
    ...limitWords(longestEdge),
    ...(isOwnSize && resize === "squash" ? [] : [cut]),
    ...fillWords(resize, fill),
  ];
}

/** A preprocessing in words: all that changes a number. */
export function describePreprocess(config: Preprocessing): string {
  const { interpolation, mean, std, alpha, convertRgb } = config;
  return [
    ...(isPatches(config)
      ? [`shape kept, up to ${config.maxPatches} patches of ${config.patchSize}`]
      : describeFit(config)),
    interpolation,
    ...(convertRgb === "before-resize" ? [] : ["RGB after the resize"]),
    ...(alpha === "drop" ? [] : [`transparency over ${alpha.join(" ")}`]),
    `mean ${mean.join(" ")}`,
    `deviation ${std.join(" ")}`,
  ].join(", ");
}
