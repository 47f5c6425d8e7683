import type { Value } from "@clip-ts/jit";
import { axesAttribute, axesOf } from "@clip-ts/jit/backend";
import type { GraphBuilder, TensorflowNode } from "./graph-builder.ts";
import type { TypeAnnotations } from "./annotate-types.ts";
import type { Updates } from "./lower-adamw.ts";
import type { Tensor } from "./variables.ts";
import { attribute, type DataType } from "./messages.ts";

/** A node to be written, with the names of its inputs in the TensorFlow graph. */
export interface LoweringInput {
  readonly node: TensorflowNode;
  readonly inputs: readonly string[];
  /** The same in all types in which they are made. */
  readonly operands: readonly Tensor[];
  readonly builder: GraphBuilder;
  /** The first input's and first output's description. */
  readonly x: Value;
  readonly y: Value;
  /** The type in which the operation computes: that of its inputs, which are named in it. */
  readonly type: DataType;
  /** In which types the values of the graph are made. */
  readonly types: TypeAnnotations;
  /** What updates of the state need to know; undefined where nothing may change. */
  readonly updates: Updates | undefined;
}

/**
 * Writes one traced operation as TensorFlow operations. What it is given does not change while a graph is
 * written; it only appends to `builder`. @returns its outputs: their names in `type`, or in all types.
 */
export type Lowering = (input: LoweringInput) => string | readonly (string | Tensor)[];

/** An attribute that holds a list of numbers. */
export const numbers = (value: unknown): readonly number[] => value as readonly number[];

const int32 = attribute.type("int32");

/** The same operation under TensorFlow's name, typed by its first input. */
export function elementwise(op: string): Lowering {
  return ({ inputs, builder, type }) => builder.emit(op, inputs, { T: attribute.type(type) });
}

/** An operation on truth values, which takes no type. */
export function logical(op: string): Lowering {
  return ({ inputs, builder }) => builder.emit(op, inputs);
}

/** The same numbers in the type that is wanted. */
function converted(input: LoweringInput): string {
  const { inputs, builder, x, y } = input;
  if (x.dtype === y.dtype) return inputs[0] as string;
  const types = { SrcT: attribute.type(x.dtype), DstT: attribute.type(y.dtype) };
  return builder.emit("Cast", inputs, types);
}

/** TensorFlow's reduction of that name, in the type of the result. */
export function reduction(op: "Max" | "Mean" | "Min" | "Sum"): Lowering {
  return (input) => {
    const { node, builder, x, y } = input;
    const axes = axesOf(node.attributes[axesAttribute(op)], x.shape.length);
    return builder.emit(op, [converted(input), builder.integers(axes)], {
      T: attribute.type(y.dtype),
      Tidx: int32,
      keep_dims: attribute.flag(node.attributes["keepDims"] === true),
    });
  };
}

/** Only the shape changes. One open side is left to TensorFlow to find. */
export const reshape: Lowering = ({ inputs, builder, y, type }) => {
  const open = y.shape.filter((side) => builder.isOpen(side));
  const shape =
    open.length === 1
      ? builder.integers(y.shape.map((side) => (side === open[0] ? -1 : side)))
      : builder.sizes(y.shape);
  return builder.emit("Reshape", [inputs[0] as string, shape], {
    T: attribute.type(type),
    Tshape: int32,
  });
};
