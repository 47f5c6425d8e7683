import type { Activation } from "@clip-ts/core";

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
