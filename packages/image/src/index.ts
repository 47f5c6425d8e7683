export { imageExtensions, decodeAsPillow, type PlatformDecoder } from "./decode-as-pillow.ts";
export type { PixelMode, Pixels } from "./pixels.ts";
export type { Rectangle } from "./pixel-source.ts";
export { resize, type ResizeOptions } from "./resize.ts";
export type { Interpolation } from "./resample-table.ts";
export { centerCrop, crop, flipHorizontal } from "./crop.ts";
export { mostPixels } from "./formats/shared.ts";
export { isTiff, readTiffTags, type TiffTags } from "./formats/tiff.ts";
export { toRgb, adjustBrightness, adjustContrast, adjustSaturation, toGrayscale, type Color } from "./color.ts";
export {
  normalize,
  preprocess,
  preprocessYielding,
  preprocessToPixels,
  resizedSize,
  type ChannelStatistics,
} from "./preprocess.ts";
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
export { augment, augmentYielding, type AugmentConfig } from "./augment.ts";
export { randomView, randomViewYielding, type RandomViewConfig } from "./random-view.ts";
export { randomResizedCrop, type ViewRanges, type RandomCropOptions } from "./random-resized-crop.ts";
export { colorJitter, adjustHue, type ColorJitterStrengths } from "./color-jitter.ts";
