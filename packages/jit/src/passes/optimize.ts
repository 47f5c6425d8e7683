import type { Graph } from "../ir/graph.ts";
import { foldConstants, foldFills } from "./fold.ts";
import { removeDeadCode } from "./liveness.ts";
import { removeIdentities, shareCommonSubexpressions } from "./remove-redundant.ts";
import { simplifyArithmetic } from "./simplify-arithmetic.ts";
import { foldMatMuls, simplifyLayout } from "./simplify-layout.ts";

/** What is told of every graph, as it will be compiled. */
export type GraphWatcher = (graph: Graph) => void;

let watcher: GraphWatcher | undefined;

/**
 * Has every graph that is optimised from now on shown, to look at or to compare; undefined ends it. There is one
 * watcher at a time.
 */
export function watchGraphs(next: GraphWatcher | undefined): void {
  watcher = next;
}

/** Shows a graph to whoever watches. */
function showGraph(graph: Graph): void {
  watcher?.(graph);
}

/** A change of a graph that keeps what it computes. A pass with nothing to do returns its argument. */
export type Pass = (graph: Graph) => Graph;

/** What optimize() does. */
export interface OptimizeOptions {
  /** The passes of a round, in order; all of this folder's by default. */
  readonly passes?: readonly Pass[];
}

/** Cheap passes first, so that the later ones see less; what they leave unused goes at the end. */
const everyPass: readonly Pass[] = [
  removeIdentities,
  foldFills,
  simplifyArithmetic,
  foldConstants,
  simplifyLayout,
  foldMatMuls,
  shareCommonSubexpressions,
  removeDeadCode,
];

/**
 * Runs the passes over and over until none finds anything to do. Results stay within 1e-6 relative of the
 * graph's (float32); inputs and the names of outputs stay. An output may come to be an input, a constant
 * or another output's value.
 */
export function optimize(graph: Graph, { passes = everyPass }: OptimizeOptions = {}): Graph {
  let current = removeDeadCode(graph);
  for (;;) {
    const before = current;
    for (const pass of passes) current = pass(current);
    if (current === before) break;
  }
  showGraph(current);
  return current;
}
