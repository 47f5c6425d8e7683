import { ClipError } from "@clip-ts/base";
import { withTraits, type ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { block, blockSpec, type BlockParams } from "./block.ts";
import type { TransformerConfig } from "./config.ts";
import type { BlockInputs } from "./post-norm-block.ts";
import { runBlocks, type EncodeOptions, type WantedTokens } from "./run-blocks.ts";

/** A stack of blocks. */
export interface EncoderParams<Leaf = Tensor> {
  readonly layers: readonly BlockParams<Leaf>[];
}

/**
 * Spec of the whole stack; the depth of a block is its number, counted from 1.
 * @throws ClipError "bad-config" if the heads do not divide the width.
 */
export function encoderSpec(config: TransformerConfig): EncoderParams<ParamSpec> {
  const { width, heads, layers } = config;
  if (width % heads !== 0) {
    throw new ClipError(
      "bad-config",
      `A width of ${width} cannot be split over ${heads} heads: choose heads that divide the width.`,
      { data: { width, heads } },
    );
  }
  return {
    layers: Array.from({ length: layers }, (_, index) =>
      withTraits(blockSpec(config), { depth: index + 1 }),
    ),
  };
}

/**
 * Runs the blocks in order. x [batch, tokens, dim] → same, or [batch, wanted, dim]: the last block then
 * computes the wanted tokens only, and keys and values of the others if more than one is wanted. With
 * `checkpoint` that block keeps what it computed: it is differentiated first, when any block computed again
 * holds more.
 */
export function encode(
  params: EncoderParams,
  x: Tensor,
  config: TransformerConfig,
  {
    wanted,
    ...options
  }: Omit<EncodeOptions, "dropout"> & { readonly wanted?: WantedTokens | undefined } = {},
): Tensor {
  const run = (layer: BlockParams, hidden: Tensor, { mask }: BlockInputs): Tensor =>
    block(layer, hidden, config, { mask });
  if (wanted === undefined) return runBlocks(params.layers, x, run, options);
  const last = params.layers.at(-1);
  if (last === undefined) return wanted.pick(x);
  const hidden = runBlocks(params.layers.slice(0, -1), x, run, options);
  return block(last, hidden, config, wanted);
}
