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
  type NormKind,
  type ParamSpec,
} from "@clip-ts/core";
import { add, mul, split, type Tensor } from "@tensorflow/tfjs-core";
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
  /** What every layer norm of the tower learns; gain and shift by default. */
  readonly norms?: NormKind;
  /** Whether queries and keys are normalised in each head (Dehghani et al. 2023, arXiv:2302.05442). */
  readonly queryKeyNorm?: boolean;
  /** Whether what each head sees has a learned gain (NormFormer: Shleifer et al. 2021, arXiv:2110.09456). */
  readonly headScale?: boolean;
  /** Whether what the heads saw is normalised before it leaves the attention (Wang et al. 2022, arXiv:2210.06423). */
  readonly innerNorm?: boolean;
  /** Whether what the attention adds is normalised (NormFormer). */
  readonly attentionNorm?: boolean;
  /** Whether the MLP's hidden layer is normalised (NormFormer). */
  readonly mlpNorm?: boolean;
}

/** Whether a stack is as in CLIP, without any option of its blocks and norms. */
export function isPlainStack(config: TransformerConfig): boolean {
  const { layerScale, norms = "affine", queryKeyNorm, headScale, innerNorm, attentionNorm, mlpNorm } = config;
  const options = [queryKeyNorm, headScale, innerNorm, attentionNorm, mlpNorm];
  return layerScale === undefined && norms === "affine" && options.every((option) => option !== true);
}

/** fc1 [hidden, dim], fc2 [dim, hidden], with bias. */
export interface MlpParams<Leaf = Tensor> {
  readonly fc1: LinearParams<Leaf>;
  /** Only with `mlpNorm`. */
  readonly norm?: LayerNormParams<Leaf>;
  readonly fc2: LinearParams<Leaf>;
}

/** weights_in [2 · hidden, dim], weights_out [dim, hidden], with bias; under the names of DINOv2's SwiGLU. */
export interface GatedMlpParams<Leaf = Tensor> {
  readonly weights_in: LinearParams<Leaf>;
  readonly weights_out: LinearParams<Leaf>;
}

/** Starting deviations of OpenAI's CLIP. */
export function mlpSpec(config: TransformerConfig): MlpParams<ParamSpec> {
  const { width, layers, mlpWidth } = config;
  const fc1 = linearSpec(width, mlpWidth, { weight: normal((2 * width) ** -0.5) });
  const fc2 = linearSpec(mlpWidth, width, { weight: normal((width * 2 * layers) ** -0.5) });
  const norm = config.mlpNorm === true && { norm: layerNormSpec(mlpWidth, config.norms) };
  return withTraits({ fc1, ...norm, fc2 }, { layer: "mlp" });
}

/**
 * The same where the hidden layer is gated (SwiGLU and its kin, Shazeer 2020, arXiv:2002.05202): twice as many values
 * enter it, of which the first half, activated, multiplies the second.
 */
export function gatedMlpSpec(config: TransformerConfig): GatedMlpParams<ParamSpec> {
  const { fc1, fc2: weights_out } = mlpSpec(config);
  const { width, mlpWidth } = config;
  const weights_in = linearSpec(width, 2 * mlpWidth, { weight: fc1.weight.init });
  return withTraits({ weights_in, weights_out }, { layer: "mlp" });
}

/** An MLP of either kind. */
export type AnyMlpParams<Leaf = Tensor> = MlpParams<Leaf> | GatedMlpParams<Leaf>;

/**
 * Two linear layers with an activation, and a norm if there is one, between; one half gates the other where they are
 * gated. x [..., dim] → same.
 */
export function mlp(
  params: AnyMlpParams,
  x: Tensor,
  { activation, layerNormEps }: Pick<TransformerConfig, "activation" | "layerNormEps">,
): Tensor {
  if ("weights_in" in params) {
    const [gate, value] = split(linear(params.weights_in, x), 2, -1) as [Tensor, Tensor];
    return linear(params.weights_out, mul(activate(activation, gate), value));
  }
  const hidden = activate(activation, linear(params.fc1, x));
  return linear(params.fc2, params.norm === undefined ? hidden : layerNorm(params.norm, hidden, layerNormEps));
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
export interface BlockParams<Leaf = Tensor, Mlp = MlpParams<Leaf>> {
  readonly layer_norm1: LayerNormParams<Leaf>;
  readonly self_attn: SelfAttentionParams<Leaf>;
  /** Only with `attentionNorm`. */
  readonly attention_norm?: LayerNormParams<Leaf>;
  readonly layer_scale1?: LayerScaleParams<Leaf>;
  readonly layer_norm2: LayerNormParams<Leaf>;
  readonly mlp: Mlp;
  readonly layer_scale2?: LayerScaleParams<Leaf>;
}

/** Spec of one block of the stack, with an MLP of another kind if its spec is given. */
export function blockSpec(config: TransformerConfig): BlockParams<ParamSpec>;
export function blockSpec<Mlp>(config: TransformerConfig, ownMlp: Mlp | undefined): BlockParams<ParamSpec, Mlp>;
export function blockSpec<Mlp>(config: TransformerConfig, ownMlp?: Mlp): BlockParams<ParamSpec, Mlp> {
  const { width, layerScale, norms } = config;
  const scale = (value: number): LayerScaleParams<ParamSpec> => ({
    lambda1: param([width], { kind: "constant", value }, "scale"),
  });
  return {
    layer_norm1: layerNormSpec(width, norms),
    self_attn: selfAttentionSpec(config),
    ...(config.attentionNorm === true && { attention_norm: layerNormSpec(width, norms) }),
    ...(layerScale !== undefined && { layer_scale1: scale(layerScale) }),
    layer_norm2: layerNormSpec(width, norms),
    mlp: ownMlp ?? (mlpSpec(config) as Mlp),
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
  params: BlockParams<Tensor, AnyMlpParams>,
  x: Tensor,
  config: TransformerConfig,
  { pick = everyToken, mask }: Partial<WantedTokens> = {},
): Tensor {
  const { heads, layerNormEps } = config;
  const normed = layerNorm(params.layer_norm1, x, layerNormEps);
  const looked = selfAttention(params.self_attn, pick(normed), { heads, mask, context: normed, layerNormEps });
  const added = params.attention_norm === undefined ? looked : layerNorm(params.attention_norm, looked, layerNormEps);
  const attended = addTo(pick(x), added, params.layer_scale1);
  const seen = layerNorm(params.layer_norm2, attended, layerNormEps);
  return addTo(attended, mlp(params.mlp, seen, config), params.layer_scale2);
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
  const { heads, layerNormEps } = config;
  const looked = multiHeadAttention(parts.attention, x, { heads, mask, factor: weights });
  const first = layerNorm(parts.attentionNorm, add(x, withDropout(looked, attended)), layerNormEps);
  const made = mlp(parts.mlp, first, config);
  return layerNorm(parts.mlpNorm, add(first, withDropout(made, thought)), layerNormEps);
}
