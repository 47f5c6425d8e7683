import { linearSpec, normal, withTraits, type LinearParams, type ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";
import { multiHeadAttention, type AttentionOptions } from "./multi-head-attention.ts";

/** Four linear layers [dim, dim] with bias. */
export interface SelfAttentionParams<Leaf = Tensor> {
  readonly q_proj: LinearParams<Leaf>;
  readonly k_proj: LinearParams<Leaf>;
  readonly v_proj: LinearParams<Leaf>;
  readonly out_proj: LinearParams<Leaf>;
}

/** Starting deviations of OpenAI's CLIP: width^-½ inside, shrunk by √(2 · layers) on the way out. */
export function selfAttentionSpec(config: TransformerConfig): SelfAttentionParams<ParamSpec> {
  const { width, layers } = config;
  const inward = (): LinearParams<ParamSpec> =>
    linearSpec(width, width, { weight: normal(width ** -0.5) });
  const outward = linearSpec(width, width, { weight: normal((width * 2 * layers) ** -0.5) });
  const maps = { q_proj: inward(), k_proj: inward(), v_proj: inward(), out_proj: outward };
  return withTraits(maps, { layer: "attention" });
}

/**
 * Multi-head self-attention under CLIP's names: every token of x, which may be some of the context's,
 * looks at every token the mask allows. x [batch, tokens, dim] → same; see `multiHeadAttention`.
 */
export function selfAttention(
  params: SelfAttentionParams,
  x: Tensor,
  options: AttentionOptions,
): Tensor {
  const { q_proj: query, k_proj: key, v_proj: value, out_proj: output } = params;
  return multiHeadAttention({ query, key, value, output }, x, options);
}
