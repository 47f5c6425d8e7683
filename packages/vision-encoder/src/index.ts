export {
  isResNet,
  visionFeatureWidth,
  type ResNetConfig,
  type VisionConfig,
  type VitConfig,
  type VitPooling,
} from "./config.ts";
export { encodeImage } from "./encode-image.ts";
export type { EncodedImage, VisionOptions } from "./encoded-image.ts";
export {
  featureMapSide,
  resNetSpec,
  type BottleneckParams,
  type ResNetParams,
} from "./resnet/spec.ts";
export { visionSpec, type VisionParams } from "./spec.ts";
export { patchCount, patchGrid, vitSpec, type VitParams } from "./vit/spec.ts";
export { drawKeptPatches, keptPatchCount } from "./vit/patch-dropout.ts";
export { resizePositions } from "./vit/resize-positions.ts";
export { sincosValues } from "./vit/sincos-positions.ts";
