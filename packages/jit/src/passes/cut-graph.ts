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

/** Ids of the values that none of these outputs is computed from. */
function unneeded(graph: Graph, isWanted: (output: string) => boolean): ReadonlySet<number> {
  const wanted = graph.outputs.filter(({ name }) => isWanted(name));
  const needed = new Set(wanted.map(({ value }) => value.id));
  const waiting = new Set<number>();
  for (const { inputs, outputs } of graph.nodes.toReversed()) {
    const isNeeded = outputs.some(({ id }) => needed.has(id));
    for (const { id } of isNeeded ? inputs : outputs) (isNeeded ? needed : waiting).add(id);
  }
  return waiting;
}

/**
 * Nodes that cost next to nothing to run on both sides: other shapes of the same memory, numbers repeated, and products
 * with one number. Runtimes make the latter part of a matmul beside, where they find it: cut off from it, results
 * would be rounded otherwise.
 */
function freeNodes({ nodes, constants }: Graph): (node: Node) => boolean {
  const single = constants.filter(({ data }) => data.length === 1).map(({ value }) => value.id);
  const numbers = new Set(single);
  for (const { inputs, outputs } of nodes) {
    if (inputs.length === 0) for (const { id } of outputs) numbers.add(id);
  }
  return ({ op, inputs }) =>
    inputs.length === 0 ||
    operationOf(op).traits.isView === true ||
    (op === "Multiply" && inputs.some(({ id }) => numbers.has(id)));
}

/** What these nodes and outputs read that none of the nodes gives, of values that nodes give. */
function missing(all: readonly Node[], part: Pick<Graph, "nodes" | "outputs">): Value[] {
  const made = new Map(all.flatMap(({ outputs }) => outputs.map((value) => [value.id, value])));
  const own = new Set(part.nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const read = [...part.nodes.flatMap(({ inputs }) => inputs), ...part.outputs.map(({ value }) => value)];
  const found = read.flatMap(({ id }) => (own.has(id) ? [] : (made.get(id) ?? [])));
  return [...new Set(found)];
}

/** Cuts a graph before the values that wait. */
function cutBefore(graph: Graph, waiting: ReadonlySet<number>, name: (index: number) => string): CutGraph {
  const isFree = freeNodes(graph);
  const waits = ({ outputs }: Node): boolean => outputs.some(({ id }) => waiting.has(id));
  const late = removeDeadCode({
    ...graph,
    nodes: graph.nodes.filter((node) => waits(node) || isFree(node)),
    outputs: graph.outputs.filter(({ value }) => waiting.has(value.id)),
  });
  const kept = missing(graph.nodes, late).map((value, index) => ({ name: name(index), value }));
  const early = removeDeadCode({
    ...graph,
    nodes: graph.nodes.filter((node) => !waits(node)),
    outputs: [...graph.outputs.filter(({ value }) => !waiting.has(value.id)), ...kept],
  });
  return { early, late: { ...late, inputs: [...late.inputs, ...kept] }, kept };
}

/**
 * Cuts a graph so that some of its inputs may come late, when the rest has run: the operations stay the
 * same, each runs once. `name` calls what is kept between the parts.
 */
export function cutGraph(graph: Graph, isLate: (input: string) => boolean, name: (index: number) => string): CutGraph {
  const { early, ...rest } = cutBefore(graph, dependents(graph, isLate), name);
  return { ...rest, early: { ...early, inputs: early.inputs.filter(({ name: input }) => !isLate(input)) } };
}

/** Without the inputs that nothing reads. */
function withoutUnread(graph: Graph): Graph {
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ value }) => value)]);
  const ids = new Set([...read].map(({ id }) => id));
  return { ...graph, inputs: graph.inputs.filter(({ value }) => ids.has(value.id)) };
}

/**
 * Cuts a graph into graphs that run one after the other, each of which gives the outputs of one group as early as can
 * be; outputs of no group come with the last. Each operation runs once. What is kept for later ones is called by
 * `name`, by the number of the graph that gives it.
 */
export function splitGraph(
  graph: Graph,
  groups: readonly (readonly string[])[],
  name: (piece: number, index: number) => string,
): readonly Graph[] {
  const pieces: Graph[] = [];
  let rest = graph;
  for (const [piece, group] of groups.slice(0, -1).entries()) {
    const waiting = unneeded(rest, (output) => group.includes(output));
    const { early, late } = cutBefore(rest, waiting, (index) => name(piece, index));
    pieces.push(early);
    rest = late;
  }
  return [...pieces, rest].map(withoutUnread);
}
