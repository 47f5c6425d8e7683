export { imageExtensions, decodeAsPillow, type PlatformDecoder } from "./decode-as-pillow.ts";
export type { PixelMode, Pixels } from "./pixels.ts";
export type { Rectangle } from "./pixel-source.ts";
export { resize, type ResizeOptions, type ResizePart } from "./resize.ts";
export type { Interpolation } from "./resample-table.ts";
export { centerCrop, crop, flipHorizontal } from "./crop.ts";
export { mostPixels } from "./formats/shared.ts";
export { isTiff, readTiffTags, type TiffTags } from "./formats/tiff.ts";
export { toRgb, adjustBrightness, adjustContrast, adjustSaturation, toGrayscale, type Color } from "./color.ts";
export {
  normalize,
  preprocess,
  preprocessBytes,
  preprocessYielding,
  preprocessToPixels,
  resizedSize,
  fitPart,
} from "./preprocess.ts";
export { normalizePlanes, writePlanes, type ChannelStatistics } from "./planes.ts";
export {
  clipPreprocess,
  siglipPreprocess,
  torchvisionPreprocess,
  usualPreprocess,
  describePreprocess,
  type PreprocessConfig,
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
export {
  formatPreprocessorConfig,
  parsePreprocessorConfig,
  type ParsePreprocessorOptions,
} from "./preprocessor-json.ts";
export { formatOpenClipPreprocess, parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
export {
  augment,
  augmentBytes,
  augmentYielding,
  drawAugmentPart,
  finishAugment,
  type Augmentation,
  type AugmentConfig,
} from "./augment.ts";
export { randomView, randomViewYielding, viewBytes, type RandomViewConfig, type Viewing } from "./random-view.ts";
export { randomResizedCrop, type ViewRanges, type RandomCropOptions } from "./random-resized-crop.ts";
export { colorJitter, adjustHue, type ColorJitterStrengths } from "./color-jitter.ts";
