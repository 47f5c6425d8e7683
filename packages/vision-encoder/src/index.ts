export type {
  BuiltInVisionConfig,
  ImageConfig,
  NaflexConfig,
  QueryPoolConfig,
  OwnVisionConfig,
  ResNetConfig,
  SwinConfig,
  EfficientNetConfig,
  EfficientNetStage,
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
  pixelForm,
  seesAnySize,
  visionKind,
  visionTower,
  visionTowers,
  withImageSize,
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
export {
  hasOpenSide,
  imageShape,
  shapeOfImages,
  type PixelForm,
  type PublishedInput,
  type PublishedPixels,
} from "./pixel-form.ts";
export { placeLength } from "./naflex/places.ts";
export type { NaflexParams } from "./naflex/naflex.ts";
export type { QueryPoolParams } from "./vit/query-pool.ts";
export { efficientNetSpec, lastMapSide, type EfficientNetParams } from "./efficientnet/spec.ts";
export { swinSpec, type SwinParams } from "./swin/spec.ts";
export { patchCount, patchGrid, vitSpec, type VitParams } from "./vit/spec.ts";
export { drawKeptPatches, keptPatchCount } from "./vit/encode.ts";
export { resizePositions, sincosValues } from "./vit/positions.ts";
