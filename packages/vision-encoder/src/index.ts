export type {
  BuiltInVisionConfig,
  ImageConfig,
  OwnVisionConfig,
  ResNetConfig,
  VisionConfig,
  VitConfig,
  VitPooling,
  EncodedImage,
  VisionOptions,
  BuiltInVisionTower,
  VisionDraws,
  VisionParams,
  VisionPositions,
  VisionTower,
} from "./config.ts";
export {
  encodeImage,
  visionFeatureWidth,
  visionSpec,
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
export {
  defineVisionTower,
  type OwnEncodedImage,
  type OwnVisionTower,
  type VisionSettings,
  type VisionTowerDefinition,
} from "./own-tower.ts";
export { featureMapSide, resNetSpec, type BottleneckParams, type ResNetParams } from "./resnet/resnet.ts";
export { patchCount, patchGrid, vitSpec, type VitParams } from "./vit/spec.ts";
export { drawKeptPatches, keptPatchCount } from "./vit/encode.ts";
export { resizePositions, sincosValues } from "./vit/positions.ts";
