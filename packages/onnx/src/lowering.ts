import type { Graph, Node, Op, Value } from "@clip-ts/jit";
import type { OnnxBuilder } from "./onnx-builder.ts";

/**
 * What can be said in ONNX: all that can be traced, and `LayerNorm` { epsilon } of x, weight and bias. A
 * `BatchMatMul` of two matrices may have a bias as its third operand.
 */
export type OnnxOp = Op | "LayerNorm";

/** A graph on its way to ONNX. */
export type OnnxGraph = Graph<OnnxOp>;

/** Names of operands, in the order of the node's inputs; as many as the operation has. */
export type Operands = readonly string[] & readonly [string, string, string];

/**
 * How one operation is said in ONNX: appends nodes and returns the name of the result, or of each.
 * An operation that changes nothing returns its operand's name.
 */
export type Lowering = (inputs: Operands, node: Node<OnnxOp>, onnx: OnnxBuilder) => string | readonly string[];

/** The value a one-result operation makes. */
export const resultOf = ({ outputs }: Pick<Node, "outputs">): Value => outputs[0] as Value;

/** The first operand. */
export const operandOf = ({ inputs }: Pick<Node, "inputs">): Value => inputs[0] as Value;

/** An axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
