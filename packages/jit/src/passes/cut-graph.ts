import type { Graph, NamedValue, Node, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { removeDeadCode } from "./liveness.ts";

/** A graph in two: what can run before some inputs are there, and the rest. */
export interface CutGraph {
  /** Gives the outputs that do not wait, and what `late` needs of its values. */
  readonly early: Graph;
  readonly late: Graph;
  /** What passes between them: outputs of `early`, inputs of `late`. */
  readonly kept: readonly NamedValue[];
}

/** Ids of the values that depend on one of these inputs. */
function dependents(graph: Graph, isLate: (input: string) => boolean): ReadonlySet<number> {
  const inputs = graph.inputs.filter(({ name }) => isLate(name));
  const waiting = new Set(inputs.map(({ value }) => value.id));
  for (const { inputs: operands, outputs } of graph.nodes) {
    if (!operands.some(({ id }) => waiting.has(id))) continue;
    for (const { id } of outputs) waiting.add(id);
  }
  return waiting;
}

/** Nodes that cost nothing to run on both sides: other shapes of the same memory, and numbers repeated. */
const isFree = ({ op, inputs }: Node): boolean => inputs.length === 0 || operationOf(op).traits.isView === true;

/** What these nodes and outputs read that none of the nodes gives, of values that nodes give. */
function missing(all: readonly Node[], part: Pick<Graph, "nodes" | "outputs">): Value[] {
  const made = new Map(all.flatMap(({ outputs }) => outputs.map((value) => [value.id, value])));
  const own = new Set(part.nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const read = [...part.nodes.flatMap(({ inputs }) => inputs), ...part.outputs.map(({ value }) => value)];
  const found = read.flatMap(({ id }) => (own.has(id) ? [] : (made.get(id) ?? [])));
  return [...new Set(found)];
}

/**
 * Cuts a graph so that some of its inputs may come late, when the rest has run: the operations stay the
 * same, each runs once. `name` calls what is kept between the parts.
 */
export function cutGraph(graph: Graph, isLate: (input: string) => boolean, name: (index: number) => string): CutGraph {
  const waiting = dependents(graph, isLate);
  const waits = ({ outputs }: Node): boolean => outputs.some(({ id }) => waiting.has(id));
  const late = removeDeadCode({
    ...graph,
    nodes: graph.nodes.filter((node) => waits(node) || isFree(node)),
    outputs: graph.outputs.filter(({ value }) => waiting.has(value.id)),
  });
  const kept = missing(graph.nodes, late).map((value, index) => ({ name: name(index), value }));
  const early = removeDeadCode({
    ...graph,
    inputs: graph.inputs.filter(({ name: input }) => !isLate(input)),
    nodes: graph.nodes.filter((node) => !waits(node)),
    outputs: [...graph.outputs.filter(({ value }) => !waiting.has(value.id)), ...kept],
  });
  return { early, late: { ...late, inputs: [...late.inputs, ...kept] }, kept };
}
