import { ClipError } from "@clip-ts/base";
import type { ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { block, blockSpec, type BlockParams } from "./block.ts";
import type { TransformerConfig } from "./config.ts";
import { runBlocks, type EncodeOptions } from "./run-blocks.ts";

/** A stack of blocks. */
export interface EncoderParams<Leaf = Tensor> {
  readonly layers: readonly BlockParams<Leaf>[];
}

/** Spec of the whole stack. @throws ClipError "bad-config" if the heads do not divide the width. */
export function encoderSpec(config: TransformerConfig): EncoderParams<ParamSpec> {
  const { width, heads, layers } = config;
  if (width % heads !== 0) {
    throw new ClipError(
      "bad-config",
      `A width of ${width} cannot be split over ${heads} heads: choose heads that divide the width.`,
      { data: { width, heads } },
    );
  }
  return { layers: Array.from({ length: layers }, () => blockSpec(config)) };
}

/** Runs the blocks in order. x [batch, tokens, dim] → same. */
export function encode(
  params: EncoderParams,
  x: Tensor,
  config: TransformerConfig,
  options: EncodeOptions = {},
): Tensor {
  return runBlocks(
    params.layers,
    x,
    (layer, hidden, mask) => block(layer, hidden, config, mask),
    options,
  );
}
