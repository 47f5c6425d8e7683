import type { ClipConfig, Embedder } from "@clip-ts/model";
import type { StartedEngine } from "./engine/engine.ts";
import { engineEmbedder } from "@clip-ts/inference";
import { loadHostParams, loadModelParams, type LoadModelOptions } from "./model-folder.ts";
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
  const load = compiler === undefined ? loadModelParams : loadHostParams;
  const weights = await load(model, stored, { imageSize });
  const config = imageSize === undefined ? stored : configAtResolution(stored, imageSize);
  return engineEmbedder(weights, config, compiler);
}
