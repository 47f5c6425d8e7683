import { axesOf, type OpOf } from "@clip-ts/jit/backend";
import { matMul } from "./lower-matmul.ts";
import { elementwise, reduction, type Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";
import { asMade, type Tensor } from "./tensors.ts";

const argMax: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("ArgMax", [...inputs, builder.scalar(axis as number, "int32")], {
    T: attribute.type(x.dtype),
    Tidx: attribute.type("int32"),
    output_type: attribute.type("int32"),
  });
};

/** TensorFlow has half of it. The native part's own takes bfloat16 too, and is as exact as for 32 bits. */
export const sumOfSquares: Lowering = ({ inputs, operands, builder, x }) => {
  if (builder.hasOwnOperations) {
    const { name, type } = asMade(operands[0] as Tensor);
    return builder.emit("ClipTsSumOfSquares", [name], { T: attribute.type(type) });
  }
  const T = attribute.type(x.dtype);
  const half = builder.emit("L2Loss", inputs, { T });
  return builder.emit("Mul", [half, builder.scalar(2, x.dtype)], { T });
};

/** Operations that add up, compare or combine along axes. */
export const reductions: Readonly<Record<OpOf<"axes">, Lowering>> = {
  ArgMax: argMax,
  BatchMatMul: matMul,
  Max: reduction("Max"),
  Mean: reduction("Mean"),
  Min: reduction("Min"),
  Softmax: elementwise("Softmax"),
  Sum: reduction("Sum"),
};
