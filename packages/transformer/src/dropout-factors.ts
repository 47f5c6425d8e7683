import { mul, type Tensor } from "@tensorflow/tfjs-core";

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
