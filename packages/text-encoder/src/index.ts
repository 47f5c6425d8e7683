export { causalMask } from "./causal-mask.ts";
export { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
export type {
  BuiltInTextConfig,
  CaptionConfig,
  CausalTextConfig,
  OwnTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
} from "./config.ts";
export { encodeText } from "./encode-text.ts";
export type { EncodedText } from "./encoded-text.ts";
export {
  defineTextTower,
  type OwnEncodedText,
  type OwnTextTower,
  type TextSettings,
  type TextTowerDefinition,
} from "./own-tower.ts";
export { robertaTextSpec, type RobertaTextParams } from "./roberta-spec.ts";
export { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
export { drawTextDropout, textFeatureWidth, textSpec } from "./spec.ts";
export type { BatchSize, TextParams, TextTower } from "./text-tower.ts";
export {
  builtInText,
  isOwnText,
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
