export { imageExtensions } from "./decode-as-pillow.ts";
export type { PixelMode, Pixels } from "./pixels.ts";
export type { Rectangle } from "./pixel-source.ts";
export { resize, type ResizeOptions } from "./resize.ts";
export type { Interpolation } from "./resample-table.ts";
export { centerCrop, crop, flipHorizontal } from "./crop.ts";
export { decodeAsPillow, type PlatformDecoder } from "./decode-as-pillow.ts";
export { mostPixels } from "./formats/shared.ts";
export { isTiff, readTiffTags, type TiffTags } from "./formats/tiff.ts";
export type { Color } from "./color.ts";
export { toRgb } from "./color.ts";
export { normalize, type ChannelStatistics } from "./preprocess.ts";
export {
  clipPreprocess,
  siglipPreprocess,
  torchvisionPreprocess,
  type PreprocessConfig,
} from "./preprocess-config.ts";
export { usualPreprocess, type VisionTraits } from "./preprocess-config.ts";
export { describePreprocess } from "./preprocess-config.ts";
export { lostPreprocess, type PreprocessReader } from "./preprocessor-files.ts";
export { preprocess, preprocessInTurns, preprocessToPixels, resizedSize } from "./preprocess.ts";
export {
  formatPreprocessorConfig,
  parsePreprocessorConfig,
  type ParsePreprocessorOptions,
} from "./preprocessor-json.ts";
export {
  findPreprocess,
  preprocessorFiles,
  readPreprocessorFiles,
  usualNotice,
  type PreprocessorFolder,
} from "./preprocessor-files.ts";
export { formatOpenClipPreprocess, parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
export { augment, augmentInTurns, type AugmentConfig } from "./augment.ts";
export { randomView, randomViewInTurns, type RandomViewConfig } from "./random-view.ts";
export type { ViewRanges } from "./random-resized-crop.ts";
export { randomResizedCrop, type RandomCropOptions } from "./random-resized-crop.ts";
export { colorJitter, type ColorJitterStrengths } from "./color-jitter.ts";
export { adjustBrightness, adjustContrast, adjustSaturation, toGrayscale } from "./color.ts";
export { adjustHue } from "./color-jitter.ts";
