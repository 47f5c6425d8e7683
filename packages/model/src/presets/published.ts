import type { Activation } from "@clip-ts/core";
import {
  initialLogitScale,
  initialSigmoidLogitBias,
  initialSigmoidLogitScale,
} from "@clip-ts/projection";
import type { CausalTextConfig } from "@clip-ts/text-encoder";
import type { ResNetConfig, VisionConfig, VitConfig } from "@clip-ts/vision-encoder";
import type { ClipConfig } from "../config.ts";
import { openaiText, resNet, robertaBase, vit } from "./towers.ts";

const base = { width: 768, layers: 12, heads: 12 };
const large = { width: 1024, layers: 24, heads: 16 };
const huge = { width: 1280, layers: 32, heads: 16 };

function clip(projectionDim: number, vision: VisionConfig, text: CausalTextConfig): ClipConfig {
  return { projectionDim, initialLogitScale, vision, text };
}

/** Models of OpenAI and open_clip by open_clip's names, with the activation that is asked for. */
export const openClipSizes: Readonly<Record<string, (activation: Activation) => ClipConfig>> = {
  "ViT-B-32": (act) =>
    clip(512, vit({ image: 224, patch: 32, ...base }, act), openaiText(512, act)),
  "ViT-B-16": (act) =>
    clip(512, vit({ image: 224, patch: 16, ...base }, act), openaiText(512, act)),
  "ViT-L-14": (act) =>
    clip(768, vit({ image: 224, patch: 14, ...large }, act), openaiText(768, act)),
  "ViT-L-14-336": (act) =>
    clip(768, vit({ image: 336, patch: 14, ...large }, act), openaiText(768, act)),
  "ViT-H-14": (act) =>
    clip(1024, vit({ image: 224, patch: 14, ...huge }, act), openaiText(1024, act, 24)),
  RN50: resNetClip({ image: 224, width: 64, layers: [3, 4, 6, 3], joint: 1024 }, 512),
  RN101: resNetClip({ image: 224, width: 64, layers: [3, 4, 23, 3], joint: 512 }, 512),
  RN50x4: resNetClip({ image: 288, width: 80, layers: [4, 6, 10, 6], joint: 640 }, 640),
  RN50x16: resNetClip({ image: 384, width: 96, layers: [6, 8, 18, 8], joint: 768 }, 768),
  RN50x64: resNetClip({ image: 448, width: 128, layers: [3, 15, 36, 10], joint: 1024 }, 1024),
};

function resNetClip(
  sizes: {
    readonly image: number;
    readonly width: number;
    readonly layers: ResNetConfig["layers"];
    readonly joint: number;
  },
  textWidth: number,
): (activation: Activation) => ClipConfig {
  return (activation) => clip(sizes.joint, resNet(sizes), openaiText(textWidth, activation));
}

/** SigLIP-base at 224 pixels (Zhai et al. 2023), as google/siglip-base-patch16-224. */
export function siglipBase(): ClipConfig {
  const stack = { ...base, mlpWidth: 3072 };
  const style = { activation: "gelu_pytorch_tanh", layerNormEps: 1e-6 } as const;
  return {
    projectionDim: 768,
    initialLogitScale: initialSigmoidLogitScale,
    initialLogitBias: initialSigmoidLogitBias,
    vision: {
      ...stack,
      ...style,
      imageSize: 224,
      patchSize: 16,
      channels: 3,
      classToken: false,
      preNorm: false,
      patchBias: true,
      pooling: "attention",
    },
    text: {
      kind: "siglip",
      ...stack,
      ...style,
      vocabSize: 32000,
      contextLength: 64,
      endTokenId: 1,
      padTokenId: 1,
      headWidth: 768,
    },
    imageHead: "none",
    loss: { kind: "sigmoid" },
  };
}

/** torchvision's vit_b_32 without its classifier: no norm before the blocks, a bias on the patches. */
const torchvisionVit: VitConfig = {
  ...vit({ image: 224, patch: 32, ...base }, "gelu"),
  layerNormEps: 1e-6,
  preNorm: false,
  patchBias: true,
};

/** torchvision's ViT-B/32 and RoBERTa-base, joined by two linear heads. */
export function vitRoberta(): ClipConfig {
  return { projectionDim: 512, initialLogitScale, vision: torchvisionVit, text: robertaBase };
}
