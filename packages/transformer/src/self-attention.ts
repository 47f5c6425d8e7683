import {
  axisLength,
  dotProductAttention,
  linear,
  linearSpec,
  normal,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";

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
  return {
    q_proj: inward(),
    k_proj: inward(),
    v_proj: inward(),
    out_proj: linearSpec(width, width, { weight: normal((width * 2 * layers) ** -0.5) }),
  };
}

/** [batch, tokens, dim] → [batch, heads, tokens, dim / heads]. */
function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, dim] = [axisLength(x, 0), axisLength(x, 1), axisLength(x, 2)];
  return transpose(reshape(x, [batch, tokens, heads, dim / heads]), [0, 2, 1, 3]);
}

/** [batch, heads, tokens, headDim] → [batch, tokens, heads · headDim]. */
function joinHeads(x: Tensor): Tensor {
  const joined = transpose(x, [0, 2, 1, 3]);
  return reshape(joined, [axisLength(joined, 0), axisLength(joined, 1), -1]);
}

/**
 * Multi-head self-attention: every token looks at every token the mask allows.
 * x [batch, tokens, dim] → same; mask [tokens, tokens] is added to the scores.
 */
export function selfAttention(
  params: SelfAttentionParams,
  x: Tensor,
  options: { readonly heads: number; readonly mask?: Tensor | undefined },
): Tensor {
  const headed = (projection: LinearParams): Tensor =>
    splitHeads(linear(projection, x), options.heads);
  const mixed = dotProductAttention(
    headed(params.q_proj),
    headed(params.k_proj),
    headed(params.v_proj),
    options.mask,
  );
  return linear(params.out_proj, joinHeads(mixed));
}
