import type { Tensor } from "@tensorflow/tfjs-core";

/** What a tower may be told besides the ids. */
export interface TextOptions {
  /**
   * [batch, tokens], 1 where a token may be seen. Only RoBERTa looks at it; without it, padding is
   * found by its id.
   */
  readonly attentionMask?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean | undefined;
  /** Whether `lastHidden` need hold no more than the token that is pooled; false by default. */
  readonly onlyPooled?: boolean | undefined;
}
