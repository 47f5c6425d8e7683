import type { OpOf } from "@clip-ts/jit/backend";
import { dataTypes } from "./onnx-builder.ts";
import { operandOf, resultOf, type Lowering } from "./lowering.ts";

/** An operation that ONNX has, under this name. */
const direct =
  (type: string): Lowering =>
  (inputs, _, onnx) =>
    onnx.op(type, inputs);

const splat =
  (number: number): Lowering =>
  (_, node, onnx) => {
    const { shape, dtype } = resultOf(node);
    const scalar = onnx.scalar(number, dtype);
    return shape.length === 0 ? scalar : onnx.op("Expand", [scalar, onnx.sizes(shape)]);
  };

/** Operations that treat every element alike. */
export const elementwise: Readonly<Record<OpOf<"elementwise">, Lowering>> = {
  Abs: direct("Abs"),
  Add: direct("Add"),
  AddN: direct("Sum"),
  // A choice between x and x by what the other value holds: no optimiser knows that nothing is chosen.
  Barrier: ([x, after], _, onnx) => {
    const flat = onnx.op("Reshape", [after, onnx.ints([-1])]);
    const first = onnx.op("Slice", [flat, onnx.ints([0]), onnx.ints([1])]);
    return onnx.op("Where", [onnx.op("Equal", [first, first]), x, x]);
  },
  Cast: ([x], node, onnx) => {
    const { dtype } = resultOf(node);
    if (operandOf(node).dtype === dtype) return x;
    return onnx.op("Cast", [x], { to: dataTypes[dtype] });
  },
  ClipByValue: ([x], node, onnx) => {
    const { clipValueMin, clipValueMax } = node.attributes;
    const bound = (value: unknown): string => onnx.scalar(value as number, operandOf(node).dtype);
    return onnx.op("Clip", [x, bound(clipValueMin), bound(clipValueMax)]);
  },
  Equal: direct("Equal"),
  Erf: direct("Erf"),
  Exp: direct("Exp"),
  Fill: (inputs, node, onnx) => splat(node.attributes["value"] as number)(inputs, node, onnx),
  // Whole numbers: ONNX divides towards zero, but its remainder has the divisor's sign.
  FloorDiv: ([a, b], node, onnx) => {
    const pair = [a, b];
    if (resultOf(node).dtype === "float32") return onnx.op("Floor", [onnx.op("Div", pair)]);
    const remainder = onnx.op("Mod", pair);
    return onnx.op("Div", [onnx.op("Sub", [a, remainder]), b]);
  },
  Greater: direct("Greater"),
  GreaterEqual: direct("GreaterOrEqual"),
  Identity: ([x]) => x,
  Less: direct("Less"),
  LessEqual: direct("LessOrEqual"),
  Log: direct("Log"),
  // log(u) · x / (u - 1) with u = 1 + x: exact also where 1 + x rounds (Higham 2002, section 1.14.1).
  Log1p: ([x], _, onnx) => {
    const one = onnx.scalar(1, "float32");
    const u = onnx.op("Add", [x, one]);
    const ratio = onnx.op("Div", [x, onnx.op("Sub", [u, one])]);
    const corrected = onnx.op("Mul", [onnx.op("Log", [u]), ratio]);
    return onnx.op("Where", [onnx.op("Equal", [u, one]), x, corrected]);
  },
  LogicalAnd: direct("And"),
  LogicalNot: direct("Not"),
  LogicalOr: direct("Or"),
  Maximum: direct("Max"),
  Minimum: direct("Min"),
  Multiply: direct("Mul"),
  Neg: direct("Neg"),
  NotEqual: (inputs, _, onnx) => onnx.op("Not", [onnx.op("Equal", inputs)]),
  OnesLike: splat(1),
  Pow: direct("Pow"),
  RealDiv: direct("Div"),
  Reciprocal: direct("Reciprocal"),
  Relu: direct("Relu"),
  Rsqrt: (inputs, _, onnx) => onnx.op("Reciprocal", [onnx.op("Sqrt", inputs)]),
  // ONNX Runtime has no choice between truth values: they are chosen as whole numbers.
  Select: ([condition, t, e], node, onnx) => {
    const { dtype } = resultOf(node);
    const asNumber = (name: string | undefined): string =>
      onnx.op("Cast", [name as string], { to: dataTypes.int32 });
    if (dtype !== "bool") return onnx.op("Where", [condition, t, e]);
    const chosen = onnx.op("Where", [condition, asNumber(t), asNumber(e)]);
    return onnx.op("Cast", [chosen], { to: dataTypes.bool });
  },
  Sigmoid: direct("Sigmoid"),
  Sign: direct("Sign"),
  Softplus: direct("Softplus"),
  Sqrt: direct("Sqrt"),
  Square: ([x], _, onnx) => onnx.op("Mul", [x, x]),
  SquaredDifference: (inputs, _, onnx) => {
    const difference = onnx.op("Sub", inputs);
    return onnx.op("Mul", [difference, difference]);
  },
  Step: ([x], node, onnx) => {
    const { dtype } = operandOf(node);
    const constant = (value: number): string => onnx.scalar(value, dtype);
    const positive = onnx.op("Greater", [x, constant(0)]);
    const alpha = (node.attributes["alpha"] as number | undefined) ?? 0;
    if (alpha === 0) return onnx.op("Cast", [positive], { to: dataTypes[dtype] });
    return onnx.op("Where", [positive, constant(1), constant(alpha)]);
  },
  Sub: direct("Sub"),
  Tanh: direct("Tanh"),
  ZerosLike: splat(0),
};
