import type { inputKinds } from "@clip-ts/native";
import type { Value } from "@clip-ts/jit";
import { resultOf } from "@clip-ts/jit/backend";
import { groupRows, knownNumber, producersOf, type Producers, type RowGroup } from "./group-rows.ts";
import { findRowNodes, sameDomain, type RowNode } from "./row-domain.ts";
import type { TensorflowGraph, TensorflowNode } from "../graph-builder.ts";
import { writeRowKernel } from "./row-kernel.ts";

type InputKind = keyof typeof inputKinds;

/** A group as one operation will run it: some operations may run in several groups. */
interface Pass {
  readonly group: RowGroup;
  /** In the graph's order. */
  readonly nodes: readonly TensorflowNode[];
}

interface PassInputs {
  readonly kinds: Map<number, InputKind>;
  readonly numbers: Map<number, number>;
  readonly values: Value[];
}

/** What the graph is, for those who look at it. */
interface Context {
  readonly rows: ReadonlyMap<TensorflowNode, RowNode>;
  readonly producers: Producers;
  readonly places: ReadonlyMap<TensorflowNode, number>;
  readonly cheap: ReadonlySet<TensorflowNode>;
}

/**
 * The operations whose results cost less to compute again than to keep: each element is made of one
 * element of one matrix, and of numbers that are much fewer.
 */
function cheapOf(
  graph: TensorflowGraph,
  { rows, producers }: Pick<Context, "rows" | "producers">,
): Set<TensorflowNode> {
  const origins = new Map<TensorflowNode, number>();
  const originOf = ({ id }: Value): number => {
    const node = producers.get(id);
    return (node && origins.get(node)) ?? id;
  };
  for (const node of graph.nodes) {
    const { kind, role, roles } = rows.get(node) ?? {};
    if ((kind !== "elementwise" && kind !== "view") || role !== "whole") continue;
    const matrices = node.inputs.filter((_, at) => roles?.[at] === "whole");
    const found = new Set(matrices.map(originOf));
    const [origin] = found;
    if (found.size === 1 && origin !== undefined) origins.set(node, origin);
  }
  return new Set(origins.keys());
}

function inGraphOrder(nodes: Iterable<TensorflowNode>, { places }: Context): TensorflowNode[] {
  const place = (node: TensorflowNode): number => places.get(node) as number;
  return [...nodes].toSorted((left, right) => place(left) - place(right));
}

/** A group, with what makes its operands from other matrices without much ado, instead of reading them. */
function withRepeated(group: RowGroup, context: Context, fused: ReadonlySet<TensorflowNode>): TensorflowNode[] {
  const members = new Set(group.members);
  const waiting = [...members];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const { roles } = context.rows.get(node) as RowNode;
    for (const [at, { id }] of node.inputs.entries()) {
      const source = context.producers.get(id);
      if (source === undefined || members.has(source) || !fused.has(source)) continue;
      const { domain } = context.rows.get(source) as RowNode;
      const isAlike = roles[at] === "whole" && sameDomain(domain, group.domain);
      if (!isAlike || !context.cheap.has(source)) continue;
      members.add(source);
      waiting.push(source);
    }
  }
  return inGraphOrder(members, context);
}

/** The value of a pass that a change of shape started from. */
function behindViews(value: Value, own: ReadonlySet<TensorflowNode>, context: Context): Value {
  const node = context.producers.get(value.id);
  const isView = node !== undefined && own.has(node) && context.rows.get(node)?.kind === "view";
  return isView ? behindViews(node.inputs[0] as Value, own, context) : value;
}

/** The matrices and numbers that a pass reads, each once. */
function inputsOf(rows: readonly RowNode[], context: Context): PassInputs {
  const own = new Set(rows.map(({ node }) => resultOf(node).id));
  const found: PassInputs = { kinds: new Map(), numbers: new Map(), values: [] };
  for (const { node, roles } of rows) {
    for (const [at, value] of node.inputs.entries()) {
      if (own.has(value.id) || found.kinds.has(value.id)) continue;
      const known = knownNumber(value, context.producers);
      if (known !== undefined) {
        found.numbers.set(value.id, known);
        continue;
      }
      found.kinds.set(value.id, roles[at] as InputKind);
      found.values.push(value);
    }
  }
  return found;
}

/** Without the operations that none of the results needs. */
function needed(nodes: readonly TensorflowNode[], results: readonly Value[]): TensorflowNode[] {
  const ids = new Set(results.map(({ id }) => id));
  const kept = nodes.toReversed().filter((node) => {
    if (!ids.has(resultOf(node).id)) return false;
    for (const { id } of node.inputs) ids.add(id);
    return true;
  });
  return kept.toReversed();
}

/** What a pass gives to others: results, and their changes of shape, which cost nothing. */
function resultsOf(
  { group, nodes }: Pass,
  wanted: ReadonlySet<number>,
  context: Context,
): { readonly results: Value[]; readonly views: TensorflowNode[] } {
  const own = new Set(nodes);
  const results = new Map<number, Value>();
  const views: TensorflowNode[] = [];
  for (const node of nodes) {
    const y = resultOf(node);
    if (!group.members.has(node) || !wanted.has(y.id)) continue;
    const root = behindViews(y, own, context);
    const maker = context.producers.get(root.id);
    if (maker !== undefined && own.has(maker)) results.set(root.id, root);
    if (root !== y) views.push({ ...node, inputs: [root] });
  }
  return { results: [...results.values()], views };
}

/** The one operation that a pass becomes, and changes of shape of its results. */
function fusedNodes(pass: Pass, wanted: ReadonlySet<number>, context: Context): TensorflowNode[] {
  const { results, views } = resultsOf(pass, wanted, context);
  if (results.length === 0) return views;
  const nodes = needed(pass.nodes, results);
  const rows = nodes.map((node) => context.rows.get(node) as RowNode);
  const { kinds, numbers, values } = inputsOf(rows, context);
  const { columns } = pass.group.domain;
  const parts = { columns, nodes: rows, inputs: kinds, numbers, outputs: results };
  const kernel = writeRowKernel(parts);
  return [{ op: "FusedRows", inputs: values, attributes: { kernel }, outputs: results }, ...views];
}

/** Operations in an order in which they can run: as they stand, but none before what it needs. */
function inRunningOrder(nodes: readonly TensorflowNode[]): TensorflowNode[] {
  const producers = producersOf({ nodes });
  const done = new Set<TensorflowNode>();
  for (const start of nodes) {
    const waiting = [start];
    for (let node = waiting.at(-1); node !== undefined; node = waiting.at(-1)) {
      const missing = node.inputs.flatMap(({ id }) => producers.get(id) ?? []).filter((source) => !done.has(source));
      if (missing.length > 0) waiting.push(...missing);
      else {
        done.add(node);
        waiting.pop();
      }
    }
  }
  return [...done];
}

/** Values that operations outside of a pass, or the caller, read. */
function wantedBy(passes: readonly Pass[], others: readonly TensorflowNode[], kept: Iterable<Value>): Set<number> {
  const wanted = new Set([...kept].map(({ id }) => id));
  for (const { inputs } of others) for (const { id } of inputs) wanted.add(id);
  for (const { nodes } of passes) {
    const own = new Set(nodes.map((node) => resultOf(node).id));
    for (const { id } of nodes.flatMap(({ inputs }) => inputs)) if (!own.has(id)) wanted.add(id);
  }
  return wanted;
}

/**
 * Writes operations on elements, reductions over rows and sums over columns that follow one another as one
 * operation, `FusedRows`, which reads its matrices once and keeps what lies between in the cache. Where a pass
 * needs what another one computed from a single matrix (activations in the backward pass), it computes
 * that again: their values need no memory between the two. `kept` are values that somebody reads besides
 * the graph's own operations; all nodes must be needed.
 */
export function fuseRows(graph: TensorflowGraph, kept: readonly Value[]): TensorflowGraph {
  const rows = findRowNodes(graph);
  const groups = groupRows(graph, rows);
  const fused = new Set(groups.flatMap(({ members }) => [...members]));
  const producers = producersOf(graph);
  const context: Context = {
    rows,
    producers,
    places: new Map(graph.nodes.map((node, place) => [node, place])),
    cheap: cheapOf(graph, { rows, producers }),
  };
  const passes = groups.map((group): Pass => ({
    group,
    nodes: withRepeated(group, context, fused),
  }));
  const others = graph.nodes.filter((node) => !fused.has(node));
  const wanted = wantedBy(passes, others, kept);
  const made = passes.flatMap((pass) => fusedNodes(pass, wanted, context));
  return { ...graph, nodes: inRunningOrder([...made, ...others]) };
}
