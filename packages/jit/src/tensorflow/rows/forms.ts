import type { Graph, Node, Value } from "../../ir/graph.ts";
import { roundsOperands } from "../lower-matmul.ts";
import type { GraphBuilder } from "../graph-builder.ts";
import { moving } from "../rounding.ts";

/** In which types somebody reads a value. */
export interface Forms {
  readonly float32: boolean;
  readonly bfloat16: boolean;
}

const wide: Forms = { float32: true, bfloat16: false };
const narrow: Forms = { float32: false, bfloat16: true };

/** Multiplies by a power of two, which changes no digit. */
function isScaling({ op, inputs }: Node, producers: ReadonlyMap<number, Node>): boolean {
  const factor = producers.get(inputs[1]?.id ?? -1);
  if (op !== "Multiply" || factor?.op !== "Fill") return false;
  return Number.isInteger(Math.log2(Math.abs(factor.attributes["value"] as number)));
}

/** Finds out in which types the values of a graph are read; `outside` are read besides its operations. */
export function formsIn(
  graph: Graph,
  builder: GraphBuilder,
  outside: readonly Value[],
): (value: Value) => Forms {
  if (builder.precision === "f32") return () => wide;
  const readers = new Map<number, Node[]>();
  const producers = new Map<number, Node>();
  for (const node of graph.nodes) {
    for (const { id } of node.outputs) producers.set(id, node);
    for (const { id } of node.inputs) readers.set(id, [...(readers.get(id) ?? []), node]);
  }
  const isOutside = new Set(outside.map(({ id }) => id));
  const formsFor = (node: Node, { id }: Value): Forms => {
    if (node.op === "BatchMatMul") return roundsOperands(node, builder) ? narrow : wide;
    const passesOn =
      node.inputs[0]?.id === id && (moving.has(node.op) || isScaling(node, producers));
    return passesOn ? union(node.outputs.map(formsOf)) : wide;
  };
  const formsOf = (value: Value): Forms =>
    union([
      ...(isOutside.has(value.id) ? [wide] : []),
      ...(readers.get(value.id) ?? []).map((node) => formsFor(node, value)),
    ]);
  return formsOf;
}

const union = (forms: readonly Forms[]): Forms => ({
  float32: forms.some(({ float32 }) => float32),
  bfloat16: forms.some(({ bfloat16 }) => bfloat16),
});
