import type { Node, Value } from "@clip-ts/jit";
import { axesAttribute, axesOf, type OpOf } from "@clip-ts/jit/backend";
import { fromFront, operandOf, resultOf, type Lowering, type OnnxOp } from "./lowering.ts";
import { dataTypes, type OnnxBuilder } from "./onnx-builder.ts";

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
    const asNumber = (name: string | undefined): string => onnx.op("Cast", [name as string], { to: dataTypes.int32 });
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

type Reduction = "Max" | "Mean" | "Min" | "Sum";

/** ONNX's reduction of that name. */
function reduced(op: Reduction, x: string, node: Node<OnnxOp>, onnx: OnnxBuilder): string {
  const axes = axesOf(node.attributes[axesAttribute(op)], operandOf(node).shape.length);
  const keepdims = node.attributes["keepDims"] === true ? 1 : 0;
  return onnx.op(`Reduce${op}`, [x, onnx.ints(axes)], { keepdims, noop_with_empty_axes: 1 });
}

const reduction =
  (op: Reduction): Lowering =>
  ([x], node, onnx) =>
    reduced(op, x, node, onnx);

/** The operand with its last two axes swapped if wanted. */
function flipped(name: string, value: Value, flip: unknown, onnx: OnnxBuilder): string {
  if (flip !== true) return name;
  const rank = value.shape.length;
  const perm = value.shape
    .map((_, axis) => axis)
    .with(rank - 2, rank - 1)
    .with(rank - 1, rank - 2);
  return onnx.op("Transpose", [name], { perm });
}

/** Operations that add up, compare or combine along axes. */
export const reductions: Readonly<Record<OpOf<"axes">, Lowering>> = {
  ArgMax: ([x], node, onnx) => {
    const axis = fromFront(node.attributes["axis"] as number, operandOf(node).shape.length);
    const found = onnx.op("ArgMax", [x], { axis, keepdims: 0 });
    return onnx.op("Cast", [found], { to: dataTypes.int32 });
  },
  BatchMatMul: ([a, b, bias], { inputs, attributes }, onnx) => {
    const [left, right] = inputs as [Value, Value];
    const { transposeA, transposeB } = attributes;
    if (left.shape.length === 2 && right.shape.length === 2) {
      const flags = { transA: transposeA === true ? 1 : 0, transB: transposeB === true ? 1 : 0 };
      return onnx.op("Gemm", bias === undefined ? [a, b] : [a, b, bias], flags);
    }
    const first = flipped(a, left, transposeA, onnx);
    return onnx.op("MatMul", [first, flipped(b, right, transposeB, onnx)]);
  },
  Max: reduction("Max"),
  Mean: ([x], node, onnx) => {
    const floats = operandOf(node).dtype === "float32" ? x : onnx.op("Cast", [x], { to: dataTypes.float32 });
    return reduced("Mean", floats, node, onnx);
  },
  Min: reduction("Min"),
  Softmax: ([x], node, onnx) => {
    const rank = resultOf(node).shape.length;
    const dim = (node.attributes["dim"] as number | undefined) ?? -1;
    return onnx.op("Softmax", [x], { axis: fromFront(dim, rank) });
  },
  Sum: reduction("Sum"),
};
