import { layerNorm, type LayerNormParams } from "@clip-ts/core";
import { add, type Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";
import { mlp, type MlpParams } from "./mlp.ts";
import { multiHeadAttention, type AttentionProjections } from "./multi-head-attention.ts";

/** The parts of a post-norm block, whatever a checkpoint calls them. */
export interface PostNormParts {
  readonly attention: AttentionProjections;
  readonly attentionNorm: LayerNormParams;
  readonly mlp: MlpParams;
  readonly mlpNorm: LayerNormParams;
}

/**
 * Post-norm residual block as in BERT and RoBERTa: norm(x + attention(x)), then the same with the MLP.
 * x [batch, tokens, dim] → same; mask as in `multiHeadAttention`.
 */
export function postNormBlock(
  parts: PostNormParts,
  x: Tensor,
  config: TransformerConfig,
  mask?: Tensor,
): Tensor {
  const { heads, activation, layerNormEps } = config;
  const looked = multiHeadAttention(parts.attention, x, { heads, mask });
  const attended = layerNorm(parts.attentionNorm, add(x, looked), layerNormEps);
  const thought = mlp(parts.mlp, attended, activation);
  return layerNorm(parts.mlpNorm, add(attended, thought), layerNormEps);
}
