export {
  block,
  blockSpec,
  withDropout,
  mlp,
  mlpSpec,
  postNormBlock,
  type TransformerConfig,
  type BlockParams,
  type LayerScaleParams,
  type WantedTokens,
  type DropoutFactors,
  type MlpParams,
  type BlockInputs,
  type PostNormParts,
} from "./block.ts";
export { encode, encoderSpec, runBlocks, type EncoderParams, type EncodeOptions } from "./encoder.ts";
export {
  multiHeadAttention,
  paddingMask,
  selfAttention,
  selfAttentionSpec,
  type AttentionOptions,
  type AttentionProjections,
  type SelfAttentionParams,
} from "./attention.ts";
