import type { Tensor } from "@tensorflow/tfjs-core";

/** What a tower may be told besides the ids. */
export interface TextOptions {
  /**
   * [batch, tokens], 1 where a token may be seen. Only RoBERTa looks at it; without it, padding is
   * found by its id.
   */
  readonly attentionMask?: Tensor | undefined;
  /**
   * [batch, 1 + 2 · layers, tokens, dim] int32, 0 where a training step drops an activation of RoBERTa:
   * those that enter the first block, then what each attention and each MLP adds.
   */
  readonly keptHidden?: Tensor | undefined;
  /** [batch, layers, heads, tokens, tokens] int32, 0 where it drops an attention weight. */
  readonly keptAttention?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean | undefined;
  /** Whether `lastHidden` need hold no more than the token that is pooled; false by default. */
  readonly onlyPooled?: boolean | undefined;
}
