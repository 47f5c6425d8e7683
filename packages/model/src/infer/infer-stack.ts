import type { Activation } from "@clip-ts/core";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { ShapeReader } from "./shapes.ts";

/** What of a stack is known before its layers are looked at. */
export interface StackFacts {
  /** What stands before the layers' numbers. */
  readonly prefix: string;
  readonly width: number;
  readonly layerNormEps: number;
  /** The one that every model of the kind has; a placeholder where the kind leaves a choice. */
  readonly activation: Activation;
}

/** Sizes of a stack of blocks from its first block and how many there are; one head, as none can be seen. */
export function inferStack(shapes: ShapeReader, facts: StackFacts): TransformerConfig {
  const { prefix, ...known } = facts;
  const isBert = shapes.has(`${prefix}0.intermediate.dense.weight`);
  const hidden = isBert ? `${prefix}0.intermediate.dense.weight` : `${prefix}0.mlp.fc1.weight`;
  return {
    ...known,
    heads: 1,
    layers: shapes.count(prefix),
    mlpWidth: shapes.side(hidden, 0),
    ...(shapes.has(`${prefix}0.layer_scale1.lambda1`) && { layerScale: 1e-5 }),
  };
}
