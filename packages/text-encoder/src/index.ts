export { causalMask } from "./causal-mask.ts";
export { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
export {
  textFeatureWidth,
  type CausalTextConfig,
  type RobertaTextConfig,
  type SiglipTextConfig,
  type TextConfig,
} from "./config.ts";
export { encodeText } from "./encode-text.ts";
export type { EncodedText } from "./encoded-text.ts";
export { robertaTextSpec, type RobertaTextParams } from "./roberta-spec.ts";
export { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";
export { textSpec, type TextParams } from "./spec.ts";
export type { TextOptions } from "./text-options.ts";
export { drawTextDropout, type KeptValues, type TextDropout } from "./roberta-dropout.ts";
