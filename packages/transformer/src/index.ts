export type { TransformerConfig } from "./config.ts";
export { block, blockSpec, type BlockParams, type LayerScaleParams } from "./block.ts";
export { withDropout, type DropoutFactors } from "./dropout-factors.ts";
export { encode, encoderSpec, type EncoderParams } from "./encoder.ts";
export { mlp, mlpSpec, type MlpParams } from "./mlp.ts";
export {
  multiHeadAttention,
  type AttentionOptions,
  type AttentionProjections,
} from "./multi-head-attention.ts";
export { paddingMask } from "./padding-mask.ts";
export { postNormBlock, type BlockInputs, type PostNormParts } from "./post-norm-block.ts";
export { runBlocks, type EncodeOptions, type WantedTokens } from "./run-blocks.ts";
export { selfAttention, selfAttentionSpec, type SelfAttentionParams } from "./self-attention.ts";
