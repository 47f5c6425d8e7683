import { eagerEmbedder, type ClipConfig, type Embedder } from "@clip-ts/model";
import { compiledEmbedder } from "./compiled-embedder.ts";
import type { StartedEngine } from "./engine/engine.ts";
import { loadModelParams, type LoadModelOptions } from "./model-folder.ts";
import { configAtResolution } from "./models/at-resolution.ts";

/**
 * A model folder's towers, ready on a running engine; `stored` is the config that the folder says. The
 * caller disposes the embedder.
 */
export async function loadEmbedder(
  model: string,
  stored: ClipConfig,
  { compiler, imageSize }: Pick<StartedEngine, "compiler"> & LoadModelOptions = {},
): Promise<Embedder> {
  const params = await loadModelParams(model, stored, { imageSize });
  const config = imageSize === undefined ? stored : configAtResolution(stored, imageSize);
  return compiler === undefined
    ? eagerEmbedder(params, config)
    : compiledEmbedder(params, config, compiler.target);
}
