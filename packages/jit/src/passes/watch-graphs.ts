import type { Graph } from "../ir/graph.ts";

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
export function showGraph(graph: Graph): void {
  watcher?.(graph);
}
