export type { Pixels } from "./pixels.ts";
export { resize, type Rectangle, type ResizeOptions } from "./resize.ts";
export type { Interpolation } from "./resample-table.ts";
export { centerCrop, crop, flipHorizontal } from "./crop.ts";
export { toRgb, type Color } from "./to-rgb.ts";
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
export { preprocess, preprocessToPixels, resizedSize } from "./preprocess.ts";
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
export { augment, type AugmentConfig } from "./augment.ts";
export { randomView, type RandomViewConfig } from "./random-view.ts";
export type { ViewRanges } from "./view-geometry.ts";
export { randomResizedCrop, type RandomCropOptions } from "./random-resized-crop.ts";
export { colorJitter, type ColorJitterStrengths } from "./color-jitter.ts";
export { adjustBrightness, adjustContrast, adjustSaturation, toGrayscale } from "./color.ts";
export { adjustHue } from "./hue.ts";
