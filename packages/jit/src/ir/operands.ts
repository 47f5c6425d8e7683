/** Names that tfjs's kernels give to their inputs, where they are not just `x` or `a` and `b`. */
const special: Readonly<Record<string, readonly string[]>> = {
  Barrier: ["x", "after"],
  Conv2D: ["x", "filter"],
  Conv2DBackpropFilter: ["x", "dy"],
  Conv2DBackpropInput: ["dy", "filter"],
  ExpandDims: ["input"],
  GatherV2: ["x", "indices"],
  OneHot: ["indices"],
  Range: [],
  ScatterNd: ["indices", "updates"],
  Select: ["condition", "t", "e"],
  Softmax: ["logits"],
};

/** Operations that take a list of any length. */
const lists: ReadonlySet<string> = new Set(["AddN", "Concat"]);

/**
 * Operands, in the order the tracer records them, as tfjs's kernels want them: by name, or as a list.
 */
export function kernelInputs<Operand>(
  op: string,
  operands: readonly Operand[],
): Readonly<Record<string, Operand>> | readonly Operand[] {
  if (lists.has(op)) return operands;
  const names = special[op] ?? (operands.length === 1 ? ["x"] : ["a", "b"]);
  return Object.fromEntries(operands.map((operand, index) => [names[index] as string, operand]));
}
