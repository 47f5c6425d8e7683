import type { Graph } from "../ir/graph.ts";

/** What is told of every graph: as it was traced, and as it will be compiled. */
export type GraphWatcher = (traced: Graph, optimized: Graph) => void;

let watcher: GraphWatcher | undefined;

/**
 * Has every graph that is optimised from now on shown, to look at or to compare; undefined ends it. There is one
 * watcher at a time.
 */
export function watchGraphs(next: GraphWatcher | undefined): void {
  watcher = next;
}

/** Shows a graph to whoever watches. */
export function showGraph(traced: Graph, optimized: Graph): void {
  watcher?.(traced, optimized);
}
