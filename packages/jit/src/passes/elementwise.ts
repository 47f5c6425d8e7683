/** Operations that make each element of one operand into one element. */
export const elementwiseUnary: ReadonlySet<string> = new Set([
  "Abs",
  "Cast",
  "ClipByValue",
  "Erf",
  "Exp",
  "Log",
  "Log1p",
  "LogicalNot",
  "Neg",
  "Reciprocal",
  "Relu",
  "Rsqrt",
  "Sigmoid",
  "Sign",
  "Softplus",
  "Sqrt",
  "Square",
  "Step",
  "Tanh",
]);

/** Operations that make pairs of elements of two operands, which broadcast, into one element. */
export const elementwiseBinary: ReadonlySet<string> = new Set([
  "Add",
  "Equal",
  "FloorDiv",
  "Greater",
  "GreaterEqual",
  "Less",
  "LessEqual",
  "LogicalAnd",
  "LogicalOr",
  "Maximum",
  "Minimum",
  "Multiply",
  "NotEqual",
  "Pow",
  "RealDiv",
  "SquaredDifference",
  "Sub",
]);

/** Operations on one operand whose elements are all elements of that operand. */
export const movesElements: ReadonlySet<string> = new Set([
  "ExpandDims",
  "Identity",
  "Reshape",
  "Slice",
  "Tile",
  "Transpose",
]);
