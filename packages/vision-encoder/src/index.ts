export type { VisionConfig } from "./config.ts";
export { encodeImage, type EncodedImage } from "./encode-image.ts";
export { patchCount, visionSpec, type VisionParams } from "./spec.ts";
