import { ClipError } from "@clip-ts/base";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { ShapeReader } from "./shapes.ts";

/** Length of a head's vectors in OpenAI's, Google's and RoBERTa's published models, with a few exceptions. */
const headWidth = 64;

/** Heads of published towers whose heads are of another length: SigLIP's so400m, ViT-H, -g and -bigG. */
const otherHeads: Readonly<Record<"vision" | "text", Readonly<Record<number, number>>>> = {
  vision: { 1152: 16, 1280: 16, 1408: 16, 1664: 16 },
  text: { 1152: 16 },
};

/** What of a stack is known before its layers are looked at. */
export interface StackFacts extends Pick<TransformerConfig, "activation" | "layerNormEps"> {
  readonly side: "vision" | "text";
  /** What stands before the layers' numbers. */
  readonly prefix: string;
  readonly width: number;
}

/** Heads leave no trace in the shapes; they are as wide as in the published models, or it is an error. */
function headsOf(side: "vision" | "text", width: number): number {
  const other = otherHeads[side][width];
  if (other !== undefined) return other;
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
  const { side, prefix, width, activation, layerNormEps } = facts;
  const isBert = shapes.has(`${prefix}0.intermediate.dense.weight`);
  const hidden = isBert ? `${prefix}0.intermediate.dense.weight` : `${prefix}0.mlp.fc1.weight`;
  return {
    width,
    heads: headsOf(side, width),
    layers: shapes.count(prefix),
    mlpWidth: shapes.side(hidden, 0),
    activation,
    layerNormEps,
    ...(shapes.has(`${prefix}0.layer_scale1.lambda1`) && { layerScale: 1e-5 }),
  };
}
