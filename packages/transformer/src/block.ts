import { layerNorm, layerNormSpec, type LayerNormParams, type ParamSpec } from "@clip-ts/core";
import { add, type Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";
import { mlp, mlpSpec, type MlpParams } from "./mlp.ts";
import { selfAttention, selfAttentionSpec, type SelfAttentionParams } from "./self-attention.ts";

/** One residual attention block. */
export interface BlockParams<Leaf = Tensor> {
  readonly layer_norm1: LayerNormParams<Leaf>;
  readonly self_attn: SelfAttentionParams<Leaf>;
  readonly layer_norm2: LayerNormParams<Leaf>;
  readonly mlp: MlpParams<Leaf>;
}

/** Spec of one block of the stack. */
export function blockSpec(config: TransformerConfig): BlockParams<ParamSpec> {
  return {
    layer_norm1: layerNormSpec(config.width),
    self_attn: selfAttentionSpec(config),
    layer_norm2: layerNormSpec(config.width),
    mlp: mlpSpec(config),
  };
}

/**
 * Pre-norm residual block: x + attention(norm(x)), then the same with the MLP.
 * x [batch, tokens, dim] → same; mask [tokens, tokens].
 */
export function block(
  params: BlockParams,
  x: Tensor,
  config: TransformerConfig,
  mask?: Tensor,
): Tensor {
  const { heads, activation, layerNormEps } = config;
  const looked = selfAttention(params.self_attn, layerNorm(params.layer_norm1, x, layerNormEps), {
    heads,
    mask,
  });
  const attended = add(x, looked);
  const thought = mlp(
    params.mlp,
    layerNorm(params.layer_norm2, attended, layerNormEps),
    activation,
  );
  return add(attended, thought);
}
