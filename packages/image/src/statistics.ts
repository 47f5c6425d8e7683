import type { ChannelStatistics } from "./normalize.ts";

/** Of the pictures that OpenAI trained CLIP on. */
export const clipStatistics: ChannelStatistics = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** Of ImageNet's colours, with which torchvision's classifiers were trained. */
export const imagenetStatistics: ChannelStatistics = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** What brings 0 … 1 to -1 … 1. */
export const halfStatistics: ChannelStatistics = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
