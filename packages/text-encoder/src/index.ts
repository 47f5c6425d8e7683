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
export { robertaTextSpec, type RobertaTextParams, type KeptValues, type TextDropout } from "./roberta-tower.ts";
export { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
