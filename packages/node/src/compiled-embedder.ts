import type { Target } from "@clip-ts/jit";
import type { ClipConfig, ClipParams, Embedder } from "@clip-ts/model";
import { compileTowers } from "./compiled-towers.ts";

/**
 * Runs both towers compiled by an engine; each new batch size or caption length is traced once and kept.
 * Takes the parameters over: they are read to the host and disposed.
 */
export async function compiledEmbedder(
  params: ClipParams,
  config: ClipConfig,
  target: Target,
): Promise<Embedder> {
  const towers = compileTowers(config, target);
  const embedder = await towers.withWeights(params);
  const dispose = (): void => {
    embedder.dispose();
    towers.dispose();
  };
  return { ...embedder, dispose };
}
