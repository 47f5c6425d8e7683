import type { Target } from "@clip-ts/jit";
import type { Embedder } from "@clip-ts/model";
import type { Model } from "../model.ts";
import { graphEmbedder, type RunsGraphs } from "./graph-embedder.ts";

/** What an engine that compiles offers to embedders. */
export interface Runs extends RunsGraphs {
  readonly target: Target;
}

/** The embedder of a model that is stored as graphs; undefined for one that has weights. */
export async function embedderOfGraphs(
  { graphs: find, config, place = "The model" }: Pick<Model, "config"> & Partial<Pick<Model, "graphs" | "place">>,
  engine: RunsGraphs | undefined,
  options: { readonly readies: boolean },
): Promise<Embedder | undefined> {
  const graphs = await find?.();
  return graphs && graphEmbedder({ graphs, config, place, engine }, options);
}
