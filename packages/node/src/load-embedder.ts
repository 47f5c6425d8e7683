import { eagerEmbedder, type ClipConfig, type Embedder } from "@clip-ts/model";
import { compiledEmbedder } from "./compiled-embedder.ts";
import type { StartedEngine } from "./engine/engine.ts";
import { loadModelParams } from "./model-folder.ts";

/** A model folder's towers, ready on a running engine. The caller disposes the embedder. */
export async function loadEmbedder(
  model: string,
  config: ClipConfig,
  { target }: Pick<StartedEngine, "target"> = {},
): Promise<Embedder> {
  const params = await loadModelParams(model, config);
  return target === undefined
    ? eagerEmbedder(params, config)
    : compiledEmbedder(params, config, target);
}
