export type { TransformerConfig } from "./config.ts";
export { block, blockSpec, type BlockParams } from "./block.ts";
export { encode, encoderSpec, type EncoderParams } from "./encoder.ts";
export { mlp, mlpSpec, type MlpParams } from "./mlp.ts";
export { selfAttention, selfAttentionSpec, type SelfAttentionParams } from "./self-attention.ts";
