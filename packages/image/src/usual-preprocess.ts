import { clipPreprocess, siglipPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { halfStatistics, imagenetStatistics } from "./statistics.ts";

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
  return isPlain(vision) && vision.pooling === "pooler"
    ? "ViTImageProcessor"
    : "CLIPImageProcessor";
}
