import type { Dtype } from "@clip-ts/jit";
import type { GraphBuilder } from "./graph-builder.ts";
import { attention } from "./fuse-attention.ts";
import { arithmetic } from "./lower-elementwise.ts";
import { matMul } from "./lower-matmul.ts";
import { structural } from "./lower-structure.ts";
import type { Lowering } from "./lowering.ts";
import { windowed } from "./lower-windows.ts";
import { attribute } from "./messages.ts";
import { emitCount } from "./open-sizes.ts";
import { rows } from "./rows/lower-rows.ts";

/** One number repeated: stored once, made when the graph runs. */
const fill: Lowering = ({ node, builder, y }) => {
  const value = builder.scalar(node.attributes["value"] as number, y.dtype);
  if (y.shape.length === 0) return value;
  return builder.emit("Fill", [builder.sizes(y.shape), value], {
    T: attribute.type(y.dtype),
    index_type: attribute.type("int32"),
  });
};

/** start + step · (0, 1, 2 …), of an open length. */
function openRange(
  builder: GraphBuilder,
  length: number,
  dtype: Dtype,
  [start, step]: readonly [number, number],
): string {
  const T = attribute.type(dtype);
  const types = { SrcT: attribute.type("int32"), DstT: T };
  const places = builder.emit("Cast", [emitCount(builder, length)], types);
  const steps = builder.emit("Mul", [places, builder.scalar(step, dtype)], { T });
  return builder.emit("AddV2", [steps, builder.scalar(start, dtype)], { T });
}

const range: Lowering = ({ node, builder, y }) => {
  const { start, step } = node.attributes as { start: number; step: number };
  const length = y.shape[0] as number;
  if (builder.isOpen(length)) return openRange(builder, length, y.dtype, [start, step]);
  const values = Array.from({ length }, (_, index) => start + index * step);
  const data = y.dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
  return builder.constant(data, y.shape, y.dtype);
};

/** The value once the other one is there. */
const barrier: Lowering = ({ inputs: [x, after], builder, y }) =>
  builder.emit("Identity", [x as string, `^${(after as string).split(":")[0]}`], {
    T: attribute.type(y.dtype),
  });

/** How each operation that can be traced is written for TensorFlow. */
export const lowerings: ReadonlyMap<string, Lowering> = new Map([
  ...Object.entries(arithmetic),
  ...Object.entries(structural),
  ...Object.entries(windowed),
  ["Attention", attention],
  ["Barrier", barrier],
  ["BatchMatMul", matMul],
  ["Fill", fill],
  ["Range", range],
  ["Rows", rows],
]);
