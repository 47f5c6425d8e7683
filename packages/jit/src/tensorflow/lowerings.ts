import { arithmetic } from "./lower-elementwise.ts";
import { matMul } from "./lower-matmul.ts";
import { structural } from "./lower-structure.ts";
import type { Lowering } from "./lowering.ts";
import { windowed } from "./lower-windows.ts";
import { attribute } from "./messages.ts";

/** One number repeated: stored once, made when the graph runs. */
const fill: Lowering = ({ node, builder, y }) => {
  const value = builder.scalar(node.attributes["value"] as number, y.dtype);
  if (y.shape.length === 0) return value;
  return builder.emit("Fill", [builder.integers(y.shape), value], {
    T: attribute.type(y.dtype),
    index_type: attribute.type("int32"),
  });
};

const range: Lowering = ({ node, builder, y }) => {
  const { start, step } = node.attributes as Record<string, number>;
  const values = Array.from(
    { length: y.shape[0] as number },
    (_, index) => (start as number) + index * (step as number),
  );
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
  ["Barrier", barrier],
  ["BatchMatMul", matMul],
  ["Fill", fill],
  ["Range", range],
]);
