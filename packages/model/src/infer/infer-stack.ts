import { ClipError } from "@clip-ts/base";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { ShapeReader } from "./shapes.ts";

/** Length of a head's vectors in OpenAI's, Google's and RoBERTa's published models, up to the large ones. */
const headWidth = 64;

/** What of a stack is known before its layers are looked at. */
export interface StackFacts extends Pick<TransformerConfig, "activation" | "layerNormEps"> {
  /** What stands before the layers' numbers. */
  readonly prefix: string;
  readonly width: number;
}

/** Heads leave no trace in the shapes; they are as wide as in the published models, or it is an error. */
function headsOf(width: number): number {
  if (width % headWidth === 0) return width / headWidth;
  throw new ClipError(
    "bad-weights",
    `The number of attention heads cannot be told from a width of ${width}, which is no multiple of ${headWidth}; ` +
      "give a config.",
    { data: { width } },
  );
}

/** Sizes of a stack of blocks from its first block and how many there are. */
export function inferStack(shapes: ShapeReader, facts: StackFacts): TransformerConfig {
  const { prefix, width, activation, layerNormEps } = facts;
  const isBert = shapes.has(`${prefix}0.intermediate.dense.weight`);
  const hidden = isBert ? `${prefix}0.intermediate.dense.weight` : `${prefix}0.mlp.fc1.weight`;
  return {
    width,
    heads: headsOf(width),
    layers: shapes.count(prefix),
    mlpWidth: shapes.side(hidden, 0),
    activation,
    layerNormEps,
    ...(shapes.has(`${prefix}0.layer_scale1.lambda1`) && { layerScale: 1e-5 }),
  };
}
