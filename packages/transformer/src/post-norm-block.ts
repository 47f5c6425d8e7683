import { layerNorm, type LayerNormParams } from "@clip-ts/core";
import { add, type Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";
import { withDropout, type DropoutFactors } from "./dropout-factors.ts";
import { mlp, type MlpParams } from "./mlp.ts";
import { multiHeadAttention, type AttentionProjections } from "./multi-head-attention.ts";

/** The parts of a post-norm block, whatever a checkpoint calls them. */
export interface PostNormParts {
  readonly attention: AttentionProjections;
  readonly attentionNorm: LayerNormParams;
  readonly mlp: MlpParams;
  readonly mlpNorm: LayerNormParams;
}

/** What one block is given besides its input. */
export interface BlockInputs extends DropoutFactors {
  /** As in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
}

/**
 * Post-norm residual block as in BERT and RoBERTa: norm(x + attention(x)), then the same with the MLP.
 * What either adds may be dropped in part before the sum. x [batch, tokens, dim] → same.
 */
export function postNormBlock(
  parts: PostNormParts,
  x: Tensor,
  config: TransformerConfig,
  { mask, weights, attended, thought }: BlockInputs = {},
): Tensor {
  const { heads, activation, layerNormEps } = config;
  const looked = multiHeadAttention(parts.attention, x, { heads, mask, factor: weights });
  const first = layerNorm(parts.attentionNorm, add(x, withDropout(looked, attended)), layerNormEps);
  const made = mlp(parts.mlp, first, activation);
  return layerNorm(parts.mlpNorm, add(first, withDropout(made, thought)), layerNormEps);
}
