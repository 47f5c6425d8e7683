export { imageExtensions } from "./image-extensions.ts";
export type { PixelMode, Pixels } from "./pixels.ts";
export type { Rectangle } from "./pixel-source.ts";
export { resize, type ResizeOptions } from "./resize.ts";
export type { Interpolation } from "./resample-table.ts";
export { centerCrop, crop, flipHorizontal } from "./crop.ts";
export { decodeAsPillow, type PlatformDecoder } from "./decode-as-pillow.ts";
export { mostPixels } from "./formats/refuse.ts";
export { isTiff, readTiffTags, type TiffTags } from "./formats/tiff.ts";
export type { Color } from "./check-color.ts";
export { toRgb } from "./to-rgb.ts";
export { normalize, type ChannelStatistics } from "./normalize.ts";
export {
  clipPreprocess,
  siglipPreprocess,
  torchvisionPreprocess,
  type PreprocessConfig,
} from "./preprocess-config.ts";
export { usualPreprocess, type VisionTraits } from "./usual-preprocess.ts";
export { describePreprocess } from "./describe-preprocess.ts";
export { lostPreprocess, type PreprocessReader } from "./lost-preprocess.ts";
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
export type { ViewRanges } from "./view-geometry.ts";
export { randomResizedCrop, type RandomCropOptions } from "./random-resized-crop.ts";
export { colorJitter, type ColorJitterStrengths } from "./color-jitter.ts";
export { adjustBrightness, adjustContrast, adjustSaturation, toGrayscale } from "./color.ts";
export { adjustHue } from "./hue.ts";
