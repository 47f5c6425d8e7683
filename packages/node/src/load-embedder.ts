import { eagerEmbedder, type ClipConfig, type Embedder } from "@clip-ts/model";
import { compiledEmbedder } from "./compiled-embedder.ts";
import type { StartedEngine } from "./engine/engine.ts";
import { loadModelParams } from "./model-folder.ts";

/** A model folder's towers, ready on a running engine. The caller disposes the embedder. */
export async function loadEmbedder(
  model: string,
  config: ClipConfig,
  { compiler }: Pick<StartedEngine, "compiler"> = {},
): Promise<Embedder> {
  const params = await loadModelParams(model, config);
  return compiler === undefined
    ? eagerEmbedder(params, config)
    : compiledEmbedder(params, config, compiler.target);
}
