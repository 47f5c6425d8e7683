import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type DataType } from "./messages.ts";
import type { TensorflowNode } from "./graph.ts";

/** `x` in another type; written once however often it is asked for. */
function castOnce(builder: GraphBuilder, x: string, from: DataType, to: DataType): string {
  const types = { SrcT: attribute.type(from), DstT: attribute.type(to) };
  return builder.emitOnce(to, "Cast", [x], types);
}

/** The tensor in bfloat16: as it is, as it is kept, or rounded. */
export function rounded(builder: GraphBuilder, x: string): string {
  const readKept = builder.keptRounded.get(x);
  if (readKept !== undefined) return readKept();
  const form = builder.roundedForms.get(x);
  if (form !== undefined) return form;
  return builder.rounded.has(x) ? x : castOnce(builder, x, "float32", "bfloat16");
}

/** The tensor in 32 bits. */
export function widened(builder: GraphBuilder, x: string): string {
  return builder.rounded.has(x) ? castOnce(builder, x, "bfloat16", "float32") : x;
}

/** Operations that only move numbers: rounding before them and behind them is the same. */
export const moving: ReadonlySet<string> = new Set([
  "ExpandDims",
  "Reshape",
  "Slice",
  "SplitV",
  "Transpose",
]);

/** Whether an operation multiplies by a number that is a power of two, which only moves the exponent. */
export const isScaling = ({ op }: TensorflowNode, factor: number | undefined): boolean =>
  op === "Multiply" && factor !== undefined && Number.isInteger(Math.log2(Math.abs(factor)));

/**
 * Whether an operation runs in bfloat16 because its first operand came in it: what a product gives stays as
 * it is through what changes no digit of it, until something needs 32 bits. Biases do: with rounded ones,
 * twelve steps of training were no longer within 0.02 of PyTorch's.
 */
export function staysRounded(
  node: TensorflowNode,
  names: readonly string[],
  builder: GraphBuilder,
): boolean {
  if (!builder.rounded.has(names[0] ?? "")) return false;
  return moving.has(node.op) || isScaling(node, builder.numbers.get(names[1] ?? ""));
}
