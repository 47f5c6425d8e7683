import type { Constant, Graph, Node, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { rewrite } from "./rewrite.ts";

/** Constants up to this many elements are compared by content. */
const comparedElements = 4096;

const typeOf = ({ shape, dtype }: Value): string => `${dtype}[${shape.join(",")}]`;

/** Numbers as text in which signed zeros and values that are not finite stay apart. */
const written = (_: string, value: unknown): unknown =>
  typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? `number ${Object.is(value, -0) ? "-0" : value}`
    : value;

/** Text that two operations share exactly when they compute the same. No operation is random. */
function keyOf({ op, inputs, attributes, outputs }: Node): string {
  const ids = inputs.map(({ id }) => id);
  if (operationOf(op).traits.commutes) ids.sort((left, right) => left - right);
  const types = outputs.map(typeOf).join(" ");
  return `${op} ${ids.join(" ")} ${JSON.stringify(attributes, written)} ${types}`;
}

/** The graph with each small constant once. */
function shareConstants(graph: Graph): Graph {
  const first = new Map<string, Value>();
  const shared = new Map<number, Value>();
  for (const { value, data } of graph.constants) {
    if (data.length > comparedElements) continue;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = `${typeOf(value)} ${bytes.join(",")}`;
    const known = first.get(key);
    if (known === undefined) first.set(key, value);
    else shared.set(value.id, known);
  }
  if (shared.size === 0) return graph;
  const current = (value: Value): Value => shared.get(value.id) ?? value;
  return {
    ...graph,
    constants: graph.constants.filter(({ value }: Constant) => !shared.has(value.id)),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(current) })),
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: current(value) })),
  };
}

/** Computes once what is written twice: same operation, same operands, same attributes. Exact. */
export function shareCommonSubexpressions(graph: Graph): Graph {
  const first = new Map<string, readonly Value[]>();
  return rewrite(shareConstants(graph), (node) => {
    const key = keyOf(node);
    const known = first.get(key);
    if (known === undefined) first.set(key, node.outputs);
    return known;
  });
}
