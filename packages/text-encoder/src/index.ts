export { causalMask, type TokenPooling } from "./captions.ts";
export { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
export { altClipTextSpec, type AltClipTextParams } from "./altclip-tower.ts";
export { m2m100TextSpec, type M2m100TextParams } from "./m2m100-tower.ts";
export { mt5TextSpec, type Mt5TextParams } from "./mt5-tower.ts";
export type {
  AltClipTextConfig,
  M2m100TextConfig,
  Mt5TextConfig,
  BertFamilyConfig,
  BertTextConfig,
  BuiltInTextConfig,
  CaptionConfig,
  CausalTextConfig,
  OwnTextConfig,
  RobertaTextConfig,
  SiglipTextConfig,
  TextConfig,
  EncodedText,
  BatchSize,
  TextParams,
  TextTower,
  TextOptions,
} from "./config.ts";
export {
  encodeText,
  drawTextDropout,
  textFeatureWidth,
  textSpec,
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
export {
  defineTextTower,
  type OwnEncodedText,
  type OwnTextTower,
  type TextSettings,
  type TextTowerDefinition,
} from "./own-tower.ts";
export type { KeptValues, TextDropout } from "./dropout.ts";
export { robertaTextSpec, type RobertaTextParams } from "./roberta-tower.ts";
export { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
