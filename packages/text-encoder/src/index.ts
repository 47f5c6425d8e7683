export { causalMask } from "./causal-mask.ts";
export type { TextConfig } from "./config.ts";
export { encodeText, type EncodedText } from "./encode-text.ts";
export { textSpec, type TextParams } from "./spec.ts";
