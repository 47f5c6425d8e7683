import {
  axisLength,
  layerNorm,
  layerNormSpec,
  linearSpec,
  normal,
  param,
  withTraits,
  zeros,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { mlp, mlpSpec, multiHeadAttention, type MlpParams } from "@clip-ts/transformer";
import { add, split, squeeze, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { VitConfig } from "../config.ts";

/** SigLIP's pooling head under Hugging Face's names. */
export interface AttentionHeadParams<Leaf = Tensor> {
  /** [1, 1, dim]: the query. */
  readonly probe: Leaf;
  readonly attention: {
    /** [3 · dim, dim]: query, key and value, one below the other. */
    readonly in_proj_weight: Leaf;
    /** [3 · dim] */
    readonly in_proj_bias: Leaf;
    readonly out_proj: LinearParams<Leaf>;
  };
  readonly layernorm: LayerNormParams<Leaf>;
  readonly mlp: MlpParams<Leaf>;
}

/** Spec of the head, with the deviations of the tower's own attention. */
export function attentionHeadSpec(config: VitConfig): AttentionHeadParams<ParamSpec> {
  const { width } = config;
  const std = width ** -0.5;
  const attention = {
    in_proj_weight: param([3 * width, width], normal(std), "matrix"),
    in_proj_bias: param([3 * width], zeros, "bias"),
    out_proj: linearSpec(width, width, { weight: normal(std) }),
  };
  return {
    probe: param([1, 1, width], normal(std), "embedding"),
    attention: withTraits(attention, { layer: "attention" }),
    layernorm: layerNormSpec(width),
    mlp: mlpSpec(config),
  };
}

/**
 * A learned query looks at every token, and an MLP looks at what it saw (Zhai et al. 2022,
 * arXiv:2106.04560). tokens [batch, tokens, dim] → [batch, dim].
 */
export function attentionHead(
  params: AttentionHeadParams,
  tokens: Tensor,
  { heads, activation, layerNormEps }: VitConfig,
): Tensor {
  const { in_proj_weight, in_proj_bias, out_proj: output } = params.attention;
  const weights = split(in_proj_weight, 3);
  const biases = split(in_proj_bias, 3);
  const [query, key, value] = weights.map((weight, index) => ({
    weight,
    bias: biases[index] as Tensor,
  })) as [LinearParams, LinearParams, LinearParams];
  const probes = tile(params.probe, [axisLength(tokens, 0), 1, 1]);
  const projections = { query, key, value, output };
  const seen = multiHeadAttention(projections, probes, { heads, context: tokens });
  const thought = mlp(params.mlp, layerNorm(params.layernorm, seen, layerNormEps), activation);
  return squeeze(add(seen, thought), [1]);
}
