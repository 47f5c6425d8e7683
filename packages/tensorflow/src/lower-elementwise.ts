import type { Value } from "@clip-ts/jit";
import { elementwise, logical, reduction, type Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";

/** tfjs and TensorFlow agree on the name. */
const sameName = [
  "Abs",
  "Erf",
  "Exp",
  "FloorDiv",
  "Identity",
  "Log",
  "Log1p",
  "Maximum",
  "Minimum",
  "Neg",
  "OnesLike",
  "Pow",
  "RealDiv",
  "Reciprocal",
  "Relu",
  "Rsqrt",
  "Sigmoid",
  "Sign",
  "Softmax",
  "Softplus",
  "Sqrt",
  "Square",
  "SquaredDifference",
  "Sub",
  "Tanh",
  "ZerosLike",
];

const comparisons = ["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual"];

/** A vector added to the last axis is a bias, which TensorFlow fuses with the product before it. */
const add: Lowering = ({ node, inputs, builder, x, y, type }) => {
  const b = node.inputs[1] as Value;
  const isBias = b.shape.length === 1 && x.shape.length > 1 && b.shape[0] === x.shape.at(-1);
  const op = isBias && y.dtype === "float32" ? "BiasAdd" : "AddV2";
  return builder.emit(op, inputs, { T: attribute.type(type) });
};

const addN: Lowering = ({ inputs, builder, x }) =>
  builder.emit("AddN", inputs, {
    N: attribute.integer(inputs.length),
    T: attribute.type(x.dtype),
  });

const cast: Lowering = ({ inputs, builder, x, y }) =>
  builder.emit("Cast", inputs, { SrcT: attribute.type(x.dtype), DstT: attribute.type(y.dtype) });

const clip: Lowering = ({ node, inputs, builder, x }) => {
  const { clipValueMin, clipValueMax } = node.attributes as Record<string, number>;
  const T = attribute.type(x.dtype);
  const raised = builder.emit(
    "Maximum",
    [inputs[0] as string, builder.scalar(clipValueMin as number, x.dtype)],
    { T },
  );
  return builder.emit("Minimum", [raised, builder.scalar(clipValueMax as number, x.dtype)], { T });
};

/** 1 above zero, `alpha` elsewhere; not a number stays so. */
const step: Lowering = ({ node, inputs, builder, x }) => {
  const T = attribute.type(x.dtype);
  const alpha = (node.attributes["alpha"] as number | undefined) ?? 0;
  const isPositive = builder.emit("Greater", [...inputs, builder.scalar(0, x.dtype)], { T });
  const levels = [builder.scalar(1, x.dtype), builder.scalar(alpha, x.dtype)];
  const stepped = builder.emit("SelectV2", [isPositive, ...levels], { T });
  const isUndefined = builder.emit("IsNan", inputs, { T });
  return builder.emit("SelectV2", [isUndefined, ...inputs, stepped], { T });
};

/** TensorFlow has half of it. The native part's own takes bfloat16 too, and is as exact as for 32 bits. */
const sumOfSquares: Lowering = ({ inputs, builder, x }) => {
  if (builder.hasOwnOperations) {
    const type = builder.rounded.has(inputs[0] as string) ? "bfloat16" : "float32";
    return builder.emit("ClipTsSumOfSquares", inputs, { T: attribute.type(type) });
  }
  const T = attribute.type(x.dtype);
  const half = builder.emit("L2Loss", inputs, { T });
  return builder.emit("Mul", [half, builder.scalar(2, x.dtype)], { T });
};

/** Operations that treat each number alike, and reductions. */
export const arithmetic: Readonly<Record<string, Lowering>> = {
  ...Object.fromEntries([...sameName, ...comparisons].map((op) => [op, elementwise(op)])),
  Add: add,
  AddN: addN,
  Cast: cast,
  ClipByValue: clip,
  LogicalAnd: logical("LogicalAnd"),
  LogicalNot: logical("LogicalNot"),
  LogicalOr: logical("LogicalOr"),
  Max: reduction("Max", "reductionIndices"),
  Mean: reduction("Mean", "axis"),
  Min: reduction("Min", "axis"),
  Multiply: elementwise("Mul"),
  Step: step,
  Sum: reduction("Sum", "axis"),
  SumOfSquares: sumOfSquares,
};
