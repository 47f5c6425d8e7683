import type { Graph } from "../ir/graph.ts";
import type { Op } from "../ir/ops.ts";

/** Drops operations and constants that no output needs. Inputs stay: they are the graph's signature. */
export function removeDeadCode<Name extends string = Op>(graph: Graph<Name>): Graph<Name> {
  const needed = new Set(graph.outputs.map(({ value }) => value.id));
  const isNeeded = ({ id }: { readonly id: number }): boolean => needed.has(id);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some(isNeeded)) return false;
    for (const { id } of node.inputs) needed.add(id);
    return true;
  });
  const constants = graph.constants.filter(({ value }) => isNeeded(value));
  const isClean =
    nodes.length === graph.nodes.length && constants.length === graph.constants.length;
  return isClean ? graph : { ...graph, constants, nodes: nodes.toReversed() };
}
