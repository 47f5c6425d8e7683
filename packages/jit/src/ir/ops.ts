import type { Attributes, Dtype } from "./graph.ts";
import * as rule from "./shapes.ts";
import * as windows from "./windows.ts";

/**
 * Operands, in the order the tracer records them, as tfjs's kernels want them: by name, or as a list.
 */
export function kernelInputs<Operand>(
  op: Op,
  operands: readonly Operand[],
): Readonly<Record<string, Operand>> | readonly Operand[] {
  const { operands: names } = operationOf(op);
  if (names === "list") return operands;
  return Object.fromEntries(operands.map((operand, index) => [names[index] as string, operand]));
}

/** Shape and type of a value, before it has an id. */
export interface Described {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** What an operation makes of its operands, which go by their names; missing optional ones are left out. */
export type ShapeRule = (
  inputs: Readonly<Record<string, Described>>,
  attributes: Attributes,
) => Described | readonly Described[];

/** What an operation does: something to every number, along axes, with windows over pictures, or moving numbers. */
export type Kind = "elementwise" | "axes" | "windows" | "layout";

/** What passes and backends may rely on. */
export interface Traits {
  /** Each element is made of the elements in its place of one operand, or of two that broadcast. */
  readonly isPointwise?: true;
  /** Has one operand, and all elements of the result are elements of that. */
  readonly rearranges?: true;
  /** The result is the operand's memory under another shape. */
  readonly isView?: true;
  /** Gives its only operand back where shape and type come out as they went in. */
  readonly returnsSameType?: true;
  /** Operands may be swapped. */
  readonly commutes?: true;
  /** The number that changes nothing as the right operand; but for 0 + x, which loses the sign of zero. */
  readonly neutral?: number;
  /** The attribute with the axes over which it reduces; an axis of length 1 gives back its only element. */
  readonly reducesOver?: string;
  /** Attributes that only repeat what the result's shape says, which is where backends read it. */
  readonly implied?: readonly string[];
  /** The attribute that is a list of sides. */
  readonly sides?: string;
}

/** All that is known of an operation but how to compute it. */
export interface Operation<Of extends Kind = Kind> {
  readonly kind: Of;
  /** The names that tfjs's kernel gives to its operands, in the order in which they are recorded; or any number. */
  readonly operands: readonly string[] | "list";
  readonly shape: ShapeRule;
  readonly traits: Traits;
}

const elementwise = (
  operands: Operation["operands"],
  shape: ShapeRule,
  traits: Traits = {},
): Operation<"elementwise"> => ({ kind: "elementwise", operands, shape, traits });

/** Makes each number of one operand into one. */
const unary = (shape: ShapeRule = rule.same, traits: Traits = {}): Operation<"elementwise"> =>
  elementwise(["x"], shape, { isPointwise: true, ...traits });

/** Makes pairs of numbers of two operands, which broadcast, into one each. */
const binary = (traits: Traits = {}, shape: ShapeRule = rule.broadcast): Operation<"elementwise"> =>
  elementwise(["a", "b"], shape, { isPointwise: true, ...traits });

const comparison = (traits: Traits = {}): Operation<"elementwise"> => binary(traits, rule.compare);

const axes = (operands: readonly string[], shape: ShapeRule, traits: Traits = {}): Operation<"axes"> => ({
  kind: "axes",
  operands,
  shape,
  traits,
});

const reduction = (attribute: string, dtype?: "float32"): Operation<"axes"> =>
  axes(["x"], rule.reduce(attribute, dtype), { reducesOver: attribute });

const windowed = (operands: readonly string[], shape: ShapeRule): Operation<"windows"> => ({
  kind: "windows",
  operands,
  shape,
  traits: {},
});

const layout = (operands: Operation["operands"], shape: ShapeRule, traits: Traits = {}): Operation<"layout"> => ({
  kind: "layout",
  operands,
  shape,
  traits,
});

/**
 * Every operation that can be traced, under the name of its tfjs kernel. Two are added: `Fill` { value }, one
 * number repeated, and `Barrier`, its first operand, no earlier than its second, which no pass may see through.
 * What else is needed of an operation is a `Record<Op, ...>`, so that the compiler names what is missing.
 */
const ops = {
  Abs: unary(),
  Add: binary({ commutes: true, neutral: 0 }),
  AddN: elementwise("list", rule.same, { returnsSameType: true }),
  Barrier: elementwise(["x", "after"], rule.same),
  Cast: unary(rule.castShape, { returnsSameType: true }),
  ClipByValue: unary(),
  Equal: comparison({ commutes: true }),
  Erf: unary(),
  Exp: unary(),
  Fill: elementwise([], rule.fillShape, { implied: ["shape"] }),
  FloorDiv: binary(),
  Greater: comparison(),
  GreaterEqual: comparison(),
  Identity: elementwise(["x"], rule.same, {
    rearranges: true,
    isView: true,
    returnsSameType: true,
  }),
  Less: comparison(),
  LessEqual: comparison(),
  Log: unary(),
  Log1p: unary(),
  LogicalAnd: comparison({ commutes: true }),
  LogicalNot: unary(),
  LogicalOr: comparison({ commutes: true }),
  Maximum: binary({ commutes: true }),
  Minimum: binary({ commutes: true }),
  Multiply: binary({ commutes: true, neutral: 1 }),
  Neg: unary(),
  NotEqual: comparison({ commutes: true }),
  OnesLike: elementwise(["x"], rule.same),
  Pow: binary({ neutral: 1 }),
  RealDiv: binary({ neutral: 1 }),
  Reciprocal: unary(),
  Relu: unary(),
  Rsqrt: unary(),
  Select: elementwise(["condition", "t", "e"], rule.selectShape),
  Sigmoid: unary(),
  Sign: unary(),
  Softplus: unary(),
  Sqrt: unary(),
  Square: unary(),
  SquaredDifference: binary({ commutes: true }),
  Step: unary(),
  Sub: binary({ neutral: 0 }),
  Tanh: unary(),
  ZerosLike: elementwise(["x"], rule.same),

  ArgMax: axes(["x"], rule.reduce("axis", "int32")),
  BatchMatMul: axes(["a", "b"], rule.matMulShape),
  Max: reduction("reductionIndices"),
  Mean: reduction("axis", "float32"),
  Min: reduction("axis"),
  Softmax: axes(["logits"], rule.same),
  Sum: reduction("axis"),

  AvgPool: windowed(["x"], windows.poolShape),
  Conv2D: windowed(["x", "filter"], windows.convolutionShape),
  Conv2DBackpropFilter: windowed(["x", "dy"], windows.convolutionGradientShape("filterShape")),
  Conv2DBackpropInput: windowed(["dy", "filter"], windows.convolutionGradientShape("inputShape")),
  DepthwiseConv2dNative: windowed(["x", "filter"], windows.depthwiseShape),

  Concat: layout("list", rule.concatShape, { returnsSameType: true }),
  ExpandDims: layout(["input"], rule.expandDimsShape, { rearranges: true, isView: true }),
  GatherV2: layout(["x", "indices"], rule.gatherShape),
  OneHot: layout(["indices"], rule.oneHotShape, { implied: ["depth"] }),
  PadV2: layout(["x"], rule.padShape, { returnsSameType: true }),
  Range: layout([], rule.rangeShape, { implied: ["stop"] }),
  Reshape: layout(["x"], rule.reshapeShape, {
    rearranges: true,
    isView: true,
    returnsSameType: true,
    implied: ["shape"],
  }),
  ScatterNd: layout(["indices", "updates"], rule.shapeFrom("shape"), { implied: ["shape"] }),
  Slice: layout(["x"], rule.sliceShape, {
    rearranges: true,
    returnsSameType: true,
    implied: ["size"],
  }),
  SplitV: layout(["x"], rule.splitShape, { implied: ["numOrSizeSplits"] }),
  Tile: layout(["x"], rule.tileShape, { rearranges: true, returnsSameType: true, sides: "reps" }),
  Transpose: layout(["x"], rule.transposeShape, { rearranges: true }),
} satisfies Readonly<Record<string, Operation>>;

/** The name of an operation. */
export type Op = keyof typeof ops;

/** The names of the operations of one kind. */
export type OpOf<Of extends Kind> = {
  [Name in Op]: (typeof ops)[Name]["kind"] extends Of ? Name : never;
}[Op];

/** The names of all operations. */
export const allOps: readonly Op[] = Object.keys(ops) as Op[];

/** What is known of an operation. */
export const operationOf = (op: Op): Operation => ops[op];

/** The attribute of a reduction that names its axes. */
export function axesAttribute(op: Op): string {
  const { reducesOver } = operationOf(op).traits;
  if (reducesOver === undefined) throw new Error(`${op} is no reduction.`);
  return reducesOver;
}
