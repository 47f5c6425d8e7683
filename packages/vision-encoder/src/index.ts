export type {
  BuiltInVisionConfig,
  ImageConfig,
  OwnVisionConfig,
  ResNetConfig,
  VisionConfig,
  VitConfig,
  VitPooling,
} from "./config.ts";
export { encodeImage } from "./towers.ts";
export type { EncodedImage, VisionOptions } from "./config.ts";
export {
  defineVisionTower,
  type OwnEncodedImage,
  type OwnVisionTower,
  type VisionSettings,
  type VisionTowerDefinition,
} from "./own-tower.ts";
export {
  featureMapSide,
  resNetSpec,
  type BottleneckParams,
  type ResNetParams,
} from "./resnet/spec.ts";
export { visionFeatureWidth, visionSpec } from "./towers.ts";
export {
  builtInVision,
  isOwnVision,
  isVit,
  matchVision,
  visionKind,
  visionTower,
  visionTowers,
  type VisionCases,
  type VisionConfigOf,
  type VisionKind,
} from "./towers.ts";
export type {
  BuiltInVisionTower,
  VisionDraws,
  VisionParams,
  VisionPositions,
  VisionTower,
} from "./config.ts";
export { patchCount, patchGrid, vitSpec, type VitParams } from "./vit/spec.ts";
export { drawKeptPatches, keptPatchCount } from "./vit/encode.ts";
export { resizePositions } from "./vit/positions.ts";
export { sincosValues } from "./vit/positions.ts";
