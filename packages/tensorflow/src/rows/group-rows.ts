import type { Value } from "@clip-ts/jit";
import { sizeOf } from "@clip-ts/core";
import { sameDomain, type Domain, type RowNode } from "./row-domain.ts";
import type { TensorflowGraph, TensorflowNode } from "../graph-builder.ts";

/** Operations of one domain that run in one pass. */
export interface RowGroup {
  readonly domain: Domain;
  readonly members: Set<TensorflowNode>;
}

/** Which operation makes each value. */
export type Producers = ReadonlyMap<number, TensorflowNode>;

/** Which operation makes each value of a graph. */
export function producersOf({ nodes }: Pick<TensorflowGraph, "nodes">): Producers {
  return new Map(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
}

/** The number that a value is, if it is one and known beforehand. */
export function knownNumber({ id, shape }: Value, producers: Producers): number | undefined {
  const node = producers.get(id);
  const isKnown = node?.op === "Fill" && sizeOf(shape) === 1;
  return isKnown ? (node.attributes["value"] as number) : undefined;
}

/** Puts operations into groups such that no group needs something that needs the group. */
function createGrouping(
  graph: TensorflowGraph,
  rows: ReadonlyMap<TensorflowNode, RowNode>,
): { readonly groups: ReadonlyMap<TensorflowNode, RowGroup>; add(row: RowNode): void } {
  const groups = new Map<TensorflowNode, RowGroup>();
  const places = new Map(graph.nodes.map((node, place) => [node, place]));
  const producers = producersOf(graph);
  const placeOf = (node: TensorflowNode): number => places.get(node) as number;
  const sourcesOf = (node: TensorflowNode): TensorflowNode[] =>
    node.inputs.flatMap(({ id }) => producers.get(id) ?? []);

  /** Whether something else that must have run before these operations needs the group. */
  const needs = (nodes: readonly TensorflowNode[], group: RowGroup): boolean => {
    const first = Math.min(...[...group.members].map(placeOf));
    const seen = new Set(nodes);
    const waiting = nodes.flatMap(sourcesOf).filter((source) => groups.get(source) !== group);
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (seen.has(node)) continue;
      const other = groups.get(node);
      if (other === group) return true;
      const unit = other === undefined ? [node] : [...other.members];
      for (const each of unit) seen.add(each);
      // What stands before the group cannot need it.
      if (unit.every((each) => placeOf(each) < first)) continue;
      waiting.push(...unit.flatMap(sourcesOf));
    }
    return false;
  };
  const mayJoin = (nodes: readonly TensorflowNode[], group: RowGroup): boolean => {
    // Sums over columns are there when the last row is done.
    const isSum = (source: TensorflowNode): boolean =>
      groups.get(source) === group && rows.get(source)?.role === "sums";
    return !nodes.flatMap(sourcesOf).some(isSum) && !needs(nodes, group);
  };
  const mayMerge = (left: RowGroup, right: RowGroup): boolean =>
    mayJoin([...left.members], right) && mayJoin([...right.members], left);
  const put = (nodes: Iterable<TensorflowNode>, group: RowGroup): RowGroup => {
    for (const node of nodes) {
      group.members.add(node);
      groups.set(node, group);
    }
    return group;
  };
  return {
    groups,
    add({ node, domain }) {
      const near = new Set(sourcesOf(node).flatMap((source) => groups.get(source) ?? []));
      let joined: RowGroup | undefined;
      for (const group of near) {
        if (!sameDomain(group.domain, domain)) continue;
        if (joined === undefined) {
          if (mayJoin([node], group)) joined = put([node], group);
        } else if (mayMerge(joined, group)) {
          joined = put(joined.members, group);
        }
      }
      if (joined === undefined) put([node], { domain, members: new Set() });
    },
  };
}

/**
 * Groups of operations that can run in one pass over rows: connected, over one domain, and such that
 * groups and all other operations can still run one after another.
 */
export function groupRows(graph: TensorflowGraph, rows: ReadonlyMap<TensorflowNode, RowNode>): RowGroup[] {
  const { groups, add } = createGrouping(graph, rows);
  for (const node of graph.nodes) {
    const row = rows.get(node);
    if (row !== undefined) add(row);
  }
  const isWorthIt = ({ members }: RowGroup): boolean => {
    const kinds = [...members].map((node) => (rows.get(node) as RowNode).kind);
    return kinds.filter((kind) => kind !== "view").length > 1 || kinds.includes("column-sum");
  };
  return [...new Set(groups.values())].filter(isWorthIt);
}
