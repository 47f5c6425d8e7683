import { checkpointed } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** How a stack of blocks runs. */
export interface EncodeOptions {
  /** Added to the attention scores of every block; shapes as in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean | undefined;
}

/** Tokens of a sequence that are wanted at the end, when not all of them are. */
export interface WantedTokens {
  /** [batch, tokens, dim] → [batch, wanted, dim]. */
  readonly pick: (x: Tensor) => Tensor;
  /** Added to the attention scores of the wanted tokens' queries; as in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
}

/** Runs blocks one after the other. x [batch, tokens, dim] → same. */
export function runBlocks<Block extends object>(
  blocks: readonly Block[],
  x: Tensor,
  run: (block: Block, x: Tensor, mask: Tensor | undefined) => Tensor,
  { mask, checkpoint = false }: EncodeOptions = {},
): Tensor {
  if (!checkpoint) return blocks.reduce((hidden, block) => run(block, hidden, mask), x);
  const fixed = mask === undefined ? {} : { mask };
  return blocks.reduce((hidden, params) => {
    const { value } = checkpointed<Block, object, { mask?: Tensor }>({
      params,
      x: hidden,
      fixed,
      run: (kept, input, others) => ({ value: run(kept, input, others.mask), aside: {} }),
    });
    return value;
  }, x);
}
