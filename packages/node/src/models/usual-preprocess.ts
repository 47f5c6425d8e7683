import { clipPreprocess, siglipPreprocess, type PreprocessConfig } from "@clip-ts/image";
import type { ClipConfig } from "@clip-ts/model";
import { isResNet, type VisionConfig } from "@clip-ts/vision-encoder";

/** Mean and deviation of ImageNet's colours, with which torchvision's classifiers were trained. */
const imagenetColors = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

const half = [0.5, 0.5, 0.5] as const;

/** Whether a vision transformer starts as torchvision's and Hugging Face's plain one do, unlike CLIP's. */
function isPlain(vision: Exclude<VisionConfig, { readonly kind: "resnet" }>): boolean {
  return vision.preNorm === false && vision.patchBias === true;
}

/**
 * What a model of this kind was most likely trained with, where no file says it: OpenAI's for CLIP,
 * SigLIP's, ImageNet's statistics for torchvision's transformers, and for those of Hugging Face what
 * their `ViTImageProcessor` does if it is told nothing.
 */
export function usualPreprocess({ vision }: Pick<ClipConfig, "vision">): PreprocessConfig {
  const openai = clipPreprocess(vision.imageSize);
  if (isResNet(vision)) return openai;
  if (vision.pooling === "attention") return siglipPreprocess(vision.imageSize);
  if (!isPlain(vision)) return openai;
  return vision.pooling === "pooler"
    ? { ...openai, resize: "squash", interpolation: "bilinear", mean: half, std: half }
    : { ...openai, interpolation: "bilinear", ...imagenetColors };
}
