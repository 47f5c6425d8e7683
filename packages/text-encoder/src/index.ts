export { causalMask } from "./captions.ts";
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
export { encodeText } from "./towers.ts";
export type { EncodedText } from "./config.ts";
export {
  defineTextTower,
  type OwnEncodedText,
  type OwnTextTower,
  type TextSettings,
  type TextTowerDefinition,
} from "./own-tower.ts";
export { robertaTextSpec, type RobertaTextParams } from "./roberta-tower.ts";
export { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
export { drawTextDropout, textFeatureWidth, textSpec } from "./towers.ts";
export type { BatchSize, TextParams, TextTower } from "./config.ts";
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
export type { TextOptions } from "./config.ts";
export type { KeptValues, TextDropout } from "./roberta-tower.ts";
