import type { Value } from "@clip-ts/jit";
import { roundsOperands } from "../lower-matmul.ts";
import type { GraphBuilder } from "../graph-builder.ts";
import { isScaling, moving } from "../rounding.ts";
import { knownNumber, producersOf } from "./group-rows.ts";
import type { TensorflowGraph, TensorflowNode } from "../graph.ts";

/** In which types somebody reads a value. */
export interface Forms {
  readonly float32: boolean;
  readonly bfloat16: boolean;
}

const wide: Forms = { float32: true, bfloat16: false };
const narrow: Forms = { float32: false, bfloat16: true };

const union = (forms: readonly Forms[]): Forms => ({
  float32: forms.some(({ float32 }) => float32),
  bfloat16: forms.some(({ bfloat16 }) => bfloat16),
});

/** Finds out in which types the values of a graph are read; `outside` are read besides its operations. */
export function formsIn(
  graph: TensorflowGraph,
  builder: GraphBuilder,
  outside: readonly Value[],
): (value: Value) => Forms {
  if (builder.precision === "f32") return () => wide;
  const readers = new Map<number, TensorflowNode[]>();
  const producers = producersOf(graph);
  for (const node of graph.nodes) {
    for (const { id } of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node]);
  }
  const isOutside = new Set(outside.map(({ id }) => id));
  const formsFor = (node: TensorflowNode, { id }: Value): Forms => {
    if (node.op === "BatchMatMul") return roundsOperands(node, builder) ? narrow : wide;
    const [first, second] = node.inputs;
    const factor = second && knownNumber(second, producers);
    const passesOn = first?.id === id && (moving.has(node.op) || isScaling(node, factor));
    return passesOn ? union(node.outputs.map(formsOf)) : wide;
  };
  const formsOf = (value: Value): Forms =>
    union([
      ...(isOutside.has(value.id) ? [wide] : []),
      ...(readers.get(value.id) ?? []).map((node) => formsFor(node, value)),
    ]);
  return formsOf;
}
