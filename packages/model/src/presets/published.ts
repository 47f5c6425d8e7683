import { initialLogitScale } from "@clip-ts/projection";
import type { VitConfig } from "@clip-ts/vision-encoder";
import type { BuiltInClipConfig } from "../config.ts";
import { robertaBase, vit } from "./towers.ts";

const base = { width: 768, layers: 12, heads: 12 };
/** torchvision's vit_b_32 without its classifier: no norm before the blocks, a bias on the patches. */
const torchvisionVit: VitConfig = {
  ...vit({ image: 224, patch: 32, ...base }, "gelu"),
  layerNormEps: 1e-6,
  preNorm: false,
  patchBias: true,
};

/** torchvision's ViT-B/32 and RoBERTa-base, joined by two linear heads. */
export function vitRoberta(): BuiltInClipConfig {
  return { projectionDim: 512, initialLogitScale, vision: torchvisionVit, text: robertaBase };
}
