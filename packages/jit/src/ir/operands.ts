import { operationOf, type Op } from "./ops.ts";

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
