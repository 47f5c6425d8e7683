import { checkpointed } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { DropoutFactors } from "./dropout-factors.ts";
import type { BlockInputs } from "./post-norm-block.ts";

/** How a stack of blocks runs. */
export interface EncodeOptions {
  /** Added to the attention scores of every block; shapes as in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean | undefined;
  /** What dropout multiplies, block by block; nothing by default. */
  readonly dropout?: readonly DropoutFactors[] | undefined;
}

/** Tokens of a sequence that are wanted at the end, when not all of them are. */
export interface WantedTokens {
  /** [batch, tokens, dim] → [batch, wanted, dim]. */
  readonly pick: (x: Tensor) => Tensor;
  /** Added to the attention scores of the wanted tokens' queries; as in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
}

/** Runs blocks one after the other, each with the mask and its own dropout. x [batch, tokens, dim] → same. */
export function runBlocks<Block extends object>(
  blocks: readonly Block[],
  x: Tensor,
  run: (block: Block, x: Tensor, inputs: BlockInputs) => Tensor,
  { mask, checkpoint = false, dropout }: EncodeOptions = {},
): Tensor {
  return blocks.reduce((hidden, params, index) => {
    const fixed: BlockInputs = { ...(mask !== undefined && { mask }), ...dropout?.[index] };
    if (!checkpoint) return run(params, hidden, fixed);
    const { value } = checkpointed<Block, object, BlockInputs>({
      params,
      x: hidden,
      fixed,
      run: (kept, input, others) => ({ value: run(kept, input, others), aside: {} }),
    });
    return value;
  }, x);
}
