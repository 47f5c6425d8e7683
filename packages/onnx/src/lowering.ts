import type { Node, Value } from "@clip-ts/jit";
import type { OnnxBuilder } from "./onnx-builder.ts";

/** Names of operands, in the order of the node's inputs; as many as the operation has. */
export type Operands = readonly string[] & readonly [string, string, string];

/**
 * How one operation is said in ONNX: appends nodes and returns the name of the result, or of each.
 * An operation that changes nothing returns its operand's name.
 */
export type Lowering = (
  inputs: Operands,
  node: Node,
  onnx: OnnxBuilder,
) => string | readonly string[];

/** The value a one-result operation makes. */
export const resultOf = ({ outputs }: Node): Value => outputs[0] as Value;

/** The first operand. */
export const operandOf = ({ inputs }: Node): Value => inputs[0] as Value;

/** An axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
