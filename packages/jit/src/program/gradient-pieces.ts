import { sizeOf, type HostArray, type HostArrays } from "@clip-ts/core";
import type { Graph } from "../ir/graph.ts";
import { splitGraph } from "../passes/cut-graph.ts";
import type { CompiledFunction, Target } from "./target.ts";

/** A graph that gives gradients, in pieces that run one after the other. */
export interface GradientPieces {
  /**
   * Runs all. Borrows the inputs. `finished` is told the paths of the gradients that each piece but the last has
   * written to `into`.
   */
  run(inputs: HostArrays, into: HostArrays, finished?: (paths: readonly string[]) => void): Promise<void>;
  dispose(): Promise<void>;
}

/** What the graph's outputs are called before their paths. */
const prefix = "next:grad:";

/**
 * The gradients that a graph gives, in the order in which it can give them, put together until they have `bytes`. They
 * are there once what is added to them is: the additions themselves are written last, in the order of names.
 */
function bucketsOf({ nodes, outputs }: Graph, bytes: number): readonly (readonly string[])[] {
  const places = new Map(nodes.flatMap((node, place) => node.outputs.map(({ id }) => [id, place] as const)));
  const operands = new Map(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node.inputs] as const)));
  const placeOf = ({ value }: Graph["outputs"][number]): number =>
    Math.max(-1, ...(operands.get(value.id) ?? []).map(({ id }) => places.get(id) ?? -1));
  const buckets: string[][] = [];
  let filled = Infinity;
  for (const { name, value } of outputs.toSorted((a, b) => placeOf(a) - placeOf(b))) {
    if (filled >= bytes) {
      buckets.push([]);
      filled = 0;
    }
    buckets.at(-1)?.push(name);
    filled += 4 * sizeOf(value.shape);
  }
  return buckets;
}

/** Those of the arrays that are on this list. */
function listed(list: Graph["inputs"], arrays: HostArrays): HostArrays {
  const found = list.flatMap(({ name }): [string, HostArray][] =>
    arrays[name] === undefined ? [] : [[name, arrays[name]]],
  );
  return Object.fromEntries(found);
}

/**
 * Compiles a graph of gradients (outputs `next:grad:PATH`) so that each `bytes` of them are there as early as can be;
 * in one piece if that is not wanted. What passes between pieces is kept in the same memory each time.
 */
export async function compilePieces(target: Target, graph: Graph, bytes: number | undefined): Promise<GradientPieces> {
  const buckets = bucketsOf(graph, bytes ?? Infinity);
  const graphs = splitGraph(graph, buckets, (piece, index) => `passed ${piece} ${index}`);
  const compiled: CompiledFunction[] = [];
  for (const piece of graphs) compiled.push(await target(piece));
  const passed: Record<string, HostArray> = {};
  return {
    async run(inputs, into, finished) {
      for (const [at, piece] of compiled.entries()) {
        const { inputs: needed, outputs } = graphs[at] as Graph;
        const given = listed(needed, { ...inputs, ...passed });
        const results = await piece.run(given, listed(outputs, { ...into, ...passed }));
        for (const [name, array] of Object.entries(results)) if (into[name] === undefined) passed[name] = array;
        if (at < compiled.length - 1) finished?.((buckets[at] ?? []).map((name) => name.slice(prefix.length)));
      }
    },
    async dispose() {
      for (const piece of compiled) await piece.dispose();
    },
  };
}
