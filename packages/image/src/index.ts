export { imageExtensions, decodeAsPillow, type PlatformDecoder } from "./decode-as-pillow.ts";
export type { PixelMode, Pixels } from "./pixels.ts";
export type { Rectangle } from "./pixel-source.ts";
export { resize, type ResizeOptions, type ResizePart } from "./resize.ts";
export { interpolations, type Interpolation } from "./resample-table.ts";
export { centerCrop, crop, flipHorizontal } from "./crop.ts";
export { mostPixels } from "./formats/shared.ts";
export { isTiff, readTiffTags, type TiffTags } from "./formats/tiff.ts";
export { toRgb, adjustBrightness, adjustContrast, adjustSaturation, toGrayscale, type Color } from "./color.ts";
export { normalize, preprocess, preprocessBytes, preprocessYielding, preprocessToPixels } from "./preprocess.ts";
export { areaOf, fitPart, resizedSize, type FittedPart } from "./fit.ts";
export { preprocessAtSize } from "./at-size.ts";
export {
  inputBytes,
  inputLength,
  inputShape,
  inputSize,
  joinInputs,
  normalizeInput,
  patchedSize,
  planesOnly,
} from "./patches.ts";
export { joinPatches, splitPatches, type PatchArrays } from "./patch-arrays.ts";
export { normalizePlanes, writePlanes, type ChannelStatistics } from "./planes.ts";
export {
  clipPreprocess,
  siglipPreprocess,
  torchvisionPreprocess,
  usualPreprocess,
  describePreprocess,
  checkPreprocess,
  resizeModes,
  isPatches,
  naflexPreprocess,
  type PatchesConfig,
  type PreprocessConfig,
  type Preprocessing,
  type ResizeMode,
  type VisionTraits,
} from "./preprocess-config.ts";
export {
  lostPreprocess,
  findPreprocess,
  preprocessorFiles,
  readPreprocessorFiles,
  usualNotice,
  type PreprocessReader,
  type PreprocessorFolder,
} from "./preprocessor-files.ts";
export { parsePreprocessorConfig, type ParsePreprocessorOptions } from "./preprocessor-json.ts";
export { formatPreprocessorConfig } from "./preprocessor-format.ts";
export { formatOpenClipPreprocess, parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
export {
  augment,
  augmentBytes,
  augmentYielding,
  drawAugmentPart,
  finishAugmentBytes,
  type Augmentation,
  type AugmentConfig,
} from "./augment.ts";
export type { ErasingConfig } from "./erase.ts";
export { parsePolicy, type Policy } from "./policy/parse.ts";
export { autoAugment, type PolicyConfig } from "./policy/apply.ts";
export { randomView, randomViewYielding, viewBytes, type RandomViewConfig, type Viewing } from "./random-view.ts";
export { randomResizedCrop, type ViewRanges, type RandomCropOptions } from "./random-resized-crop.ts";
export { colorJitter, adjustHue, type ColorJitterStrengths } from "./color-jitter.ts";
export { isPreparer, prepareImage, type ImagePreparer } from "./preparer.ts";
export {
  fromTransformersProcessor,
  type RawImageClass,
  type TransformersImageProcessor,
} from "./transformers-processor.ts";
