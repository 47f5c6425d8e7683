import { toTensor, unflattenLike, type HostArray } from "@clip-ts/core";
import type { Target } from "@clip-ts/jit";
import {
  clipSpec,
  eagerEmbedder,
  type ClipConfig,
  type ClipParams,
  type Embedder,
} from "@clip-ts/model";
import { Tensor } from "@tensorflow/tfjs-core";
import { compileTowers, type CompiledTowers, type TowerWeights } from "./compiled-towers.ts";

/** An engine that compiles; undefined for one that runs operations as they come. */
type Compiles = { readonly target: Target } | undefined;

/** The weights as tensors of the running engine, which arrays are made once. */
function onEngine(weights: TowerWeights, config: ClipConfig): ClipParams {
  const isOnEngine = (given: TowerWeights): given is ClipParams =>
    given["logit_scale"] instanceof Tensor;
  if (isOnEngine(weights)) return weights;
  const leaves = Object.entries<HostArray>(weights);
  const tensors = Object.fromEntries(leaves.map(([path, array]) => [path, toTensor(array)]));
  return unflattenLike(clipSpec(config), tensors) as ClipParams;
}

/**
 * Both towers of an architecture for whatever weights come: compiled where there is a compiler, each new batch size or
 * caption length traced once and kept; else run operation by operation on tfjs's engine. Tensors are taken over;
 * arrays must not change as long as they are used.
 */
export function engineTowers(config: ClipConfig, compiler: Compiles): CompiledTowers {
  if (compiler !== undefined) return compileTowers(config, compiler.target);
  return {
    withWeights: (weights) => eagerEmbedder(onEngine(weights, config), config),
    dispose: () => undefined,
  };
}

/** One embedder of these weights, taken as `engineTowers` takes them; with it goes what was compiled for it. */
export async function engineEmbedder(
  weights: TowerWeights,
  config: ClipConfig,
  compiler: Compiles,
): Promise<Embedder> {
  const towers = engineTowers(config, compiler);
  const embedder = await towers.withWeights(weights);
  const dispose = (): void => {
    embedder.dispose();
    towers.dispose();
  };
  return { ...embedder, dispose };
}
