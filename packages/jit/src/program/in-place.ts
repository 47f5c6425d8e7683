import type { Graph, Value } from "../ir/graph.ts";

const named = (list: Graph["inputs"], name: string): Value | undefined =>
  list.find((entry) => entry.name === name)?.value;

/** Ids of the values that `value` is computed from. */
function ancestry(graph: Graph, value: Value): ReadonlySet<number> {
  const needed = new Set([value.id]);
  for (const { inputs, outputs } of graph.nodes.toReversed()) {
    if (!outputs.some(({ id }) => needed.has(id))) continue;
    for (const { id } of inputs) needed.add(id);
  }
  return needed;
}

/**
 * Whether an elementwise graph may write a result over one of its inputs, in whatever order a runtime
 * runs it: everything that reads the input must be part of what the result is computed from.
 */
export function canOverwrite(graph: Graph, input: string, output: string): boolean {
  const [source, result] = [named(graph.inputs, input), named(graph.outputs, output)];
  if (source === undefined || result === undefined) return false;
  const needed = ancestry(graph, result);
  return graph.nodes
    .filter(({ inputs }) => inputs.some(({ id }) => id === source.id))
    .every(({ outputs }) => outputs.every(({ id }) => needed.has(id)));
}
