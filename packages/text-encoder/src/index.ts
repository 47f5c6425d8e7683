export { causalMask } from "./causal-mask.ts";
export { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
export type {
  CausalTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
} from "./config.ts";
export { encodeText } from "./encode-text.ts";
export type { EncodedText } from "./encoded-text.ts";
export { robertaTextSpec, type RobertaTextParams } from "./roberta-spec.ts";
export { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
export { drawTextDropout, textFeatureWidth, textSpec } from "./spec.ts";
export type { TextParams, TextTower } from "./text-tower.ts";
export {
  matchText,
  textKind,
  textTower,
  textTowers,
  type TextCases,
  type TextConfigOf,
  type TextKind,
} from "./towers.ts";
export type { TextOptions } from "./text-options.ts";
export type { KeptValues, TextDropout } from "./roberta-dropout.ts";
