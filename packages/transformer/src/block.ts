import {
  layerNorm,
  layerNormSpec,
  param,
  type LayerNormParams,
  type ParamSpec,
} from "@clip-ts/core";
import { add, mul, type Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";
import { mlp, mlpSpec, type MlpParams } from "./mlp.ts";
import type { WantedTokens } from "./run-blocks.ts";
import { selfAttention, selfAttentionSpec, type SelfAttentionParams } from "./self-attention.ts";

/** A gain for each channel, under the name that Hugging Face's DINOv2 gives it. */
export interface LayerScaleParams<Leaf = Tensor> {
  /** [dim] */
  readonly lambda1: Leaf;
}

/** One residual attention block. */
export interface BlockParams<Leaf = Tensor> {
  readonly layer_norm1: LayerNormParams<Leaf>;
  readonly self_attn: SelfAttentionParams<Leaf>;
  readonly layer_scale1?: LayerScaleParams<Leaf>;
  readonly layer_norm2: LayerNormParams<Leaf>;
  readonly mlp: MlpParams<Leaf>;
  readonly layer_scale2?: LayerScaleParams<Leaf>;
}

/** Spec of one block of the stack. */
export function blockSpec(config: TransformerConfig): BlockParams<ParamSpec> {
  const { width, layerScale } = config;
  const scale = (value: number): LayerScaleParams<ParamSpec> => ({
    lambda1: param([width], { kind: "constant", value }, "scale"),
  });
  return {
    layer_norm1: layerNormSpec(width),
    self_attn: selfAttentionSpec(config),
    ...(layerScale !== undefined && { layer_scale1: scale(layerScale) }),
    layer_norm2: layerNormSpec(width),
    mlp: mlpSpec(config),
    ...(layerScale !== undefined && { layer_scale2: scale(layerScale) }),
  };
}

/** Adds to the stream, through LayerScale's gain if there is one (Touvron et al. 2021, arXiv:2103.17239). */
function addTo(stream: Tensor, branch: Tensor, scale: LayerScaleParams | undefined): Tensor {
  return add(stream, scale === undefined ? branch : mul(branch, scale.lambda1));
}

/** All tokens. */
const everyToken = (x: Tensor): Tensor => x;

/**
 * Pre-norm residual block: x + attention(norm(x)), then the same with the MLP.
 * x [batch, tokens, dim] → the tokens wanted, all by default; mask as in `multiHeadAttention`.
 */
export function block(
  params: BlockParams,
  x: Tensor,
  config: TransformerConfig,
  { pick = everyToken, mask }: Partial<WantedTokens> = {},
): Tensor {
  const { heads, activation, layerNormEps } = config;
  const normed = layerNorm(params.layer_norm1, x, layerNormEps);
  const looked = selfAttention(params.self_attn, pick(normed), { heads, mask, context: normed });
  const attended = addTo(pick(x), looked, params.layer_scale1);
  const seen = layerNorm(params.layer_norm2, attended, layerNormEps);
  return addTo(attended, mlp(params.mlp, seen, activation), params.layer_scale2);
}
