import {
  activate,
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  normal,
  param,
  withTraits,
  type Activation,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { add, mul, type Tensor } from "@tensorflow/tfjs-core";
import {
  multiHeadAttention,
  selfAttention,
  selfAttentionSpec,
  type AttentionProjections,
  type SelfAttentionParams,
} from "./attention.ts";

/** Size and kind of a stack of residual attention blocks. */
export interface TransformerConfig {
  /** Length of a token's vector. */
  readonly width: number;
  /** Number of blocks. */
  readonly layers: number;
  /** Attention heads; divides `width`. */
  readonly heads: number;
  /** Length of the hidden layer of each MLP, usually 4 · width. */
  readonly mlpWidth: number;
  readonly activation: Activation;
  /** Added to the variance inside every layer norm. */
  readonly layerNormEps: number;
  /** Starting gain of what each block adds to the stream (LayerScale); without it there is no gain. */
  readonly layerScale?: number;
}

/** fc1 [hidden, dim], fc2 [dim, hidden], with bias. */
export interface MlpParams<Leaf = Tensor> {
  readonly fc1: LinearParams<Leaf>;
  readonly fc2: LinearParams<Leaf>;
}

/** Starting deviations of OpenAI's CLIP. */
export function mlpSpec(config: TransformerConfig): MlpParams<ParamSpec> {
  const { width, layers, mlpWidth } = config;
  const fc1 = linearSpec(width, mlpWidth, { weight: normal((2 * width) ** -0.5) });
  const fc2 = linearSpec(mlpWidth, width, { weight: normal((width * 2 * layers) ** -0.5) });
  return withTraits({ fc1, fc2 }, { layer: "mlp" });
}

/** Two linear layers with an activation between. x [..., dim] → same. */
export function mlp(params: MlpParams, x: Tensor, activation: Activation): Tensor {
  return linear(params.fc2, activate(activation, linear(params.fc1, x)));
}

/**
 * What dropout multiplies within one block: 0 for what is dropped, 1 / (1 - share) for the rest. What is
 * absent is left alone.
 */
export interface DropoutFactors {
  /** [batch, heads, tokens, tokens], on the attention's weights. */
  readonly weights?: Tensor;
  /** [batch, tokens, dim], on what the attention adds. */
  readonly attended?: Tensor;
  /** [batch, tokens, dim], on what the MLP adds. */
  readonly thought?: Tensor;
}

/** Activations with some of them dropped, if there are factors. */
export function withDropout(x: Tensor, factor: Tensor | undefined): Tensor {
  return factor === undefined ? x : mul(x, factor);
}

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

/** Tokens of a sequence that are wanted at the end, when not all of them are. */
export interface WantedTokens {
  /** [batch, tokens, dim] → [batch, wanted, dim]. */
  readonly pick: (x: Tensor) => Tensor;
  /** Added to the attention scores of the wanted tokens' queries; as in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
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
