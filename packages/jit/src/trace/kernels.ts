import type { ShapeRule } from "./shapes.ts";
import * as rule from "./shapes.ts";
import * as windows from "./window-shapes.ts";

const unary = [
  "Abs",
  "ClipByValue",
  "Erf",
  "Exp",
  "Identity",
  "Log",
  "Log1p",
  "Neg",
  "Reciprocal",
  "Relu",
  "Rsqrt",
  "Sigmoid",
  "Sign",
  "Softmax",
  "Softplus",
  "Sqrt",
  "Square",
  "Step",
  "Tanh",
  "ZerosLike",
  "OnesLike",
];
const binary = [
  "Add",
  "FloorDiv",
  "Maximum",
  "Minimum",
  "Multiply",
  "Pow",
  "RealDiv",
  "SquaredDifference",
  "Sub",
];
const comparisons = ["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "NotEqual"];

const others: Readonly<Record<string, ShapeRule>> = {
  AddN: rule.same,
  ArgMax: rule.reduce("axis", "int32"),
  AvgPool: windows.poolShape,
  Barrier: rule.same,
  BatchMatMul: rule.matMulShape,
  Cast: rule.castShape,
  Concat: rule.concatShape,
  Conv2D: windows.convolutionShape,
  Conv2DBackpropFilter: windows.convolutionGradientShape("filterShape"),
  Conv2DBackpropInput: windows.convolutionGradientShape("inputShape"),
  ExpandDims: rule.expandDimsShape,
  Fill: rule.fillShape,
  GatherV2: rule.gatherShape,
  LogicalAnd: rule.compare,
  LogicalNot: rule.same,
  LogicalOr: rule.compare,
  Max: rule.reduce("reductionIndices"),
  Mean: rule.reduce("axis", "float32"),
  Min: rule.reduce("axis"),
  OneHot: rule.oneHotShape,
  PadV2: rule.padShape,
  Range: rule.rangeShape,
  Reshape: rule.reshapeShape,
  ScatterNd: rule.shapeFrom("shape"),
  Select: rule.selectShape,
  Slice: rule.sliceShape,
  SplitV: rule.splitShape,
  Sum: rule.reduce("axis"),
  Tile: rule.tileShape,
  Transpose: rule.transposeShape,
};

/** Every operation that can be traced, with what it makes of its inputs' shapes. */
export const shapeRules: ReadonlyMap<string, ShapeRule> = new Map([
  ...unary.map((name) => [name, rule.same] as const),
  ...binary.map((name) => [name, rule.broadcast] as const),
  ...comparisons.map((name) => [name, rule.compare] as const),
  ...Object.entries(others),
]);
