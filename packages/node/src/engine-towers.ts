import { eagerEmbedder, type ClipConfig, type ClipParams, type Embedder } from "@clip-ts/model";
import { compileTowers, type CompiledTowers } from "./compiled-towers.ts";
import type { Compiler } from "./engine/engine.ts";

type Compiles = Pick<Compiler, "target"> | undefined;

/**
 * Both towers of an architecture for whatever weights come: compiled where there is a compiler, each new batch size or
 * caption length traced once and kept; else run operation by operation on tfjs's engine. Weights are taken over.
 */
export function engineTowers(config: ClipConfig, compiler: Compiles): CompiledTowers {
  if (compiler !== undefined) return compileTowers(config, compiler.target);
  return {
    withWeights: (params) => eagerEmbedder(params, config),
    dispose: () => undefined,
  };
}

/** One embedder of these parameters, which it takes over; with it goes what was compiled for it. */
export async function engineEmbedder(
  params: ClipParams,
  config: ClipConfig,
  compiler: Compiles,
): Promise<Embedder> {
  const towers = engineTowers(config, compiler);
  const embedder = await towers.withWeights(params);
  const dispose = (): void => {
    embedder.dispose();
    towers.dispose();
  };
  return { ...embedder, dispose };
}
