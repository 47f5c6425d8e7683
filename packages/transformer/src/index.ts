export type { TransformerConfig } from "./block.ts";
export {
  block,
  blockSpec,
  type BlockParams,
  type LayerScaleParams,
  type WantedTokens,
} from "./block.ts";
export { withDropout, type DropoutFactors } from "./block.ts";
export { encode, encoderSpec, type EncoderParams } from "./encoder.ts";
export { mlp, mlpSpec, type MlpParams } from "./block.ts";
export {
  multiHeadAttention,
  type AttentionOptions,
  type AttentionProjections,
} from "./attention.ts";
export { paddingMask } from "./attention.ts";
export { postNormBlock, type BlockInputs, type PostNormParts } from "./block.ts";
export { runBlocks, type EncodeOptions } from "./encoder.ts";
export { selfAttention, selfAttentionSpec, type SelfAttentionParams } from "./attention.ts";
