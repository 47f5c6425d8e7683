import { ClipError } from "@clip-ts/base";
import { checkpointed, withTraits, type ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import {
  block,
  blockSpec,
  type BlockInputs,
  type AnyMlpParams,
  type BlockParams,
  type DropoutFactors,
  type MlpParams,
  type TransformerConfig,
  type WantedTokens,
} from "./block.ts";

/** How a stack of blocks runs. */
export interface EncodeOptions {
  /** Added to the attention scores of every block; shapes as in `multiHeadAttention`. */
  readonly mask?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean | undefined;
  /** What dropout multiplies, block by block; nothing by default. */
  readonly dropout?: readonly DropoutFactors[] | undefined;
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
      run: (kept, input, others) => ({ value: run(kept, input, others), aux: {} }),
    });
    return value;
  }, x);
}

/** A stack of blocks. */
export interface EncoderParams<Leaf = Tensor, Mlp = MlpParams<Leaf>> {
  readonly layers: readonly BlockParams<Leaf, Mlp>[];
}

/**
 * Spec of the whole stack, with MLPs of another kind if their spec is given; the depth of a block is its number,
 * counted from 1.
 * @throws ClipError "bad-config" if the heads do not divide the width.
 */
export function encoderSpec(config: TransformerConfig): EncoderParams<ParamSpec>;
export function encoderSpec<Mlp>(config: TransformerConfig, ownMlp: Mlp | undefined): EncoderParams<ParamSpec, Mlp>;
export function encoderSpec<Mlp>(config: TransformerConfig, ownMlp?: Mlp): EncoderParams<ParamSpec, Mlp> {
  const { width, heads, layers } = config;
  if (width % heads !== 0) {
    throw new ClipError(
      "bad-config",
      `A width of ${width} cannot be split over ${heads} heads: choose heads that divide the width.`,
      { data: { width, heads } },
    );
  }
  return {
    layers: Array.from({ length: layers }, (_, index) => {
      const layer = withTraits(blockSpec<Mlp>(config, ownMlp), { depth: index + 1 });
      return layer as BlockParams<ParamSpec, Mlp>;
    }),
  };
}

/**
 * Runs the blocks in order. x [batch, tokens, dim] → same, or [batch, wanted, dim]: the last block then
 * computes the wanted tokens only, and keys and values of the others if more than one is wanted. With
 * `checkpoint` that block keeps what it computed: it is differentiated first, when any block computed again
 * holds more.
 */
export function encode(
  params: EncoderParams<Tensor, AnyMlpParams>,
  x: Tensor,
  config: TransformerConfig,
  { wanted, ...options }: Omit<EncodeOptions, "dropout"> & { readonly wanted?: WantedTokens | undefined } = {},
): Tensor {
  const run = (layer: BlockParams<Tensor, AnyMlpParams>, hidden: Tensor, { mask }: BlockInputs): Tensor =>
    block(layer, hidden, config, { mask });
  if (wanted === undefined) return runBlocks(params.layers, x, run, options);
  const last = params.layers.at(-1);
  if (last === undefined) return wanted.pick(x);
  const hidden = runBlocks(params.layers.slice(0, -1), x, run, options);
  return block(last, hidden, config, wanted);
}
