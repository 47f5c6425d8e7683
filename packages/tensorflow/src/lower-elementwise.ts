import type { Value } from "@clip-ts/jit";
import type { OpOf } from "@clip-ts/jit/backend";
import { elementwise, logical, type Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";

/** A vector added to the last axis is a bias, which TensorFlow fuses with the matmul before it. */
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
  const raised = builder.emit("Maximum", [inputs[0] as string, builder.scalar(clipValueMin as number, x.dtype)], { T });
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

/** One number repeated: stored once, made when the graph runs. */
const fill: Lowering = ({ node, builder, y }) => {
  const value = builder.scalar(node.attributes["value"] as number, y.dtype);
  if (y.shape.length === 0) return value;
  return builder.emit("Fill", [builder.sizes(y.shape), value], {
    T: attribute.type(y.dtype),
    index_type: attribute.type("int32"),
  });
};

/** The value once the other one is there. */
const barrier: Lowering = ({ inputs: [x, after], builder, y }) =>
  builder.emit("Identity", [x as string, `^${(after as string).split(":")[0]}`], {
    T: attribute.type(y.dtype),
  });

/** Conditions choose element by element, or whole rows where they are a vector. */
const select: Lowering = ({ node, inputs, builder, x, y }) => {
  const byRow = x.shape.length === 1 && (node.inputs[1] as Value).shape.length > 1;
  return builder.emit(byRow ? "Select" : "SelectV2", inputs, { T: attribute.type(y.dtype) });
};

/** Operations that treat each number alike. */
export const arithmetic: Readonly<Record<OpOf<"elementwise">, Lowering>> = {
  Abs: elementwise("Abs"),
  Add: add,
  AddN: addN,
  Barrier: barrier,
  Cast: cast,
  ClipByValue: clip,
  Equal: elementwise("Equal"),
  Erf: elementwise("Erf"),
  Exp: elementwise("Exp"),
  Fill: fill,
  FloorDiv: elementwise("FloorDiv"),
  Greater: elementwise("Greater"),
  GreaterEqual: elementwise("GreaterEqual"),
  Identity: elementwise("Identity"),
  Less: elementwise("Less"),
  LessEqual: elementwise("LessEqual"),
  Log: elementwise("Log"),
  Log1p: elementwise("Log1p"),
  LogicalAnd: logical("LogicalAnd"),
  LogicalNot: logical("LogicalNot"),
  LogicalOr: logical("LogicalOr"),
  Maximum: elementwise("Maximum"),
  Minimum: elementwise("Minimum"),
  Multiply: elementwise("Mul"),
  Neg: elementwise("Neg"),
  NotEqual: elementwise("NotEqual"),
  OnesLike: elementwise("OnesLike"),
  Pow: elementwise("Pow"),
  RealDiv: elementwise("RealDiv"),
  Reciprocal: elementwise("Reciprocal"),
  Relu: elementwise("Relu"),
  Rsqrt: elementwise("Rsqrt"),
  Select: select,
  Sigmoid: elementwise("Sigmoid"),
  Sign: elementwise("Sign"),
  Softplus: elementwise("Softplus"),
  Sqrt: elementwise("Sqrt"),
  Square: elementwise("Square"),
  SquaredDifference: elementwise("SquaredDifference"),
  Step: step,
  Sub: elementwise("Sub"),
  Tanh: elementwise("Tanh"),
  ZerosLike: elementwise("ZerosLike"),
};
