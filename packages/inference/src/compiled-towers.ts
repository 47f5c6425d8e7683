import { refuseAfterDisposal } from "@clip-ts/base";
import { flattenTree, toHost, toTensor, unflattenLike, type HostArray, type HostArrays } from "@clip-ts/core";
import { trace, type CompiledFunction, type Target } from "@clip-ts/jit";
import { clipSpec, eagerEmbedder, type ClipConfig, type ClipParams, type Embedder } from "@clip-ts/model";
import { Tensor } from "@tensorflow/tfjs-core";
import { constantEmbedder } from "./constant-sides.ts";
import { embedderOf, functionOf, leavesOf, sidesOf, traceOpen, type Side } from "./sides.ts";

/** A model's parameters by path in the host's memory, or as a tree of tensors. */
export type TowerWeights = HostArrays | ClipParams;

/** Both towers of an architecture, compiled for whatever weights come. */
export interface CompiledTowers {
  /**
   * An embedder of these weights. Arrays are used where they lie and must not change as long as it lives;
   * tensors are taken over, read and disposed. Disposing the embedder lets go of the weights; what is
   * compiled stays with the towers.
   */
  withWeights(weights: TowerWeights): Promise<Embedder>;
  /** Frees what the runtime holds; the embedders of these towers are of no use afterwards. */
  dispose(): void;
}

/** One tower and its head, compiled for each shape that comes. */
interface Tower {
  /** @returns the unit features of the input. */
  run(input: HostArray, params: HostArrays): Promise<Float32Array>;
  dispose(): void;
}

/** How a tower is compiled. */
interface TowerOptions {
  readonly config: ClipConfig;
  readonly target: Target;
  /** Whether inputs come in few shapes: then the engine may keep the weights, once for each of them. */
  readonly isSteady: boolean;
}

function createTower(side: Side, { config, target, isSteady }: TowerOptions): Tower {
  const { shape, dtype } = side;
  const compiled = new Map<string, Promise<CompiledFunction>>();
  const run = functionOf(side, config);
  /** Whether one graph is for all shapes; unknown before the first one. */
  let isOpen = target.prefersOpenSizes === true;
  const compile = (input: HostArray, params: HostArrays): Promise<CompiledFunction> => {
    const leaves = leavesOf(params);
    const open = isOpen ? traceOpen(run, { input: { shape, dtype }, ...leaves }, config) : undefined;
    isOpen = open !== undefined;
    const graph = open ?? trace(run, { input: { shape: input.shape, dtype }, ...leaves });
    return target(graph, { lasting: isOpen || isSteady ? Object.keys(params) : [] });
  };
  const find = (input: HostArray, params: HostArrays): Promise<CompiledFunction> => {
    const key = (): string => (isOpen ? "open" : input.shape.join());
    const ready = compiled.get(key()) ?? compile(input, params);
    compiled.set(key(), ready);
    return ready;
  };
  const tower: Tower = {
    async run(input, params) {
      const ready = find(input, params);
      const { features } = await (await ready).run({ input, ...params });
      return features?.data as Float32Array;
    },
    dispose() {
      for (const ready of compiled.values()) void ready.then((built) => built.dispose());
      compiled.clear();
    },
  };
  return refuseAfterDisposal(tower, towersDisposed);
}

/** What towers say after `dispose`, and their embedders too. */
const towersDisposed = {
  what: "This pair of compiled towers",
  remedy: "Compile them again, or dispose them only after the last use of their embedders.",
};

/** Weights by path, on the host. CONSUMES tensors. */
async function takeToHost(weights: TowerWeights): Promise<HostArrays> {
  const host: Record<string, HostArray> = {};
  for (const [path, leaf] of Object.entries(flattenTree<Tensor | HostArray>(weights))) {
    if (leaf instanceof Tensor) {
      host[path] = await toHost(leaf);
      leaf.dispose();
    } else host[path] = leaf;
  }
  return host;
}

/**
 * Compiles the towers of an architecture with an engine: each new batch size or caption length is traced
 * once, when it first comes, and kept for all weights.
 */
export function compileTowers(config: ClipConfig, target: Target): CompiledTowers {
  const sides = sidesOf(config);
  const images = createTower(sides.images, { config, target, isSteady: true });
  const texts = createTower(sides.texts, { config, target, isSteady: false });
  const towers: CompiledTowers = {
    async withWeights(weights) {
      let host = await takeToHost(weights);
      return embedderOf(config, host, {
        images: (input) => images.run(input, host),
        texts: (input) => texts.run(input, host),
        dispose() {
          host = {};
        },
      });
    },
    dispose() {
      images.dispose();
      texts.dispose();
    },
  };
  return refuseAfterDisposal(towers, towersDisposed);
}

/** An engine that compiles; undefined for one that runs operations as they come. */
type Compiles = { readonly target: Target } | undefined;

/** The weights as tensors of the running engine, which arrays are made once. */
function onEngine(weights: TowerWeights, config: ClipConfig): ClipParams {
  const isOnEngine = (given: TowerWeights): given is ClipParams => given["logit_scale"] instanceof Tensor;
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
  const target = compiler?.target;
  if (target?.needsConstants === true) {
    return {
      withWeights: async (weights) => constantEmbedder(await takeToHost(weights), config, target),
      dispose: () => undefined,
    };
  }
  if (target !== undefined) return compileTowers(config, target);
  return {
    withWeights: (weights) => eagerEmbedder(onEngine(weights, config), config),
    dispose: () => undefined,
  };
}

/** One embedder of these weights, taken as `engineTowers` takes them; with it goes what was compiled for it. */
export async function engineEmbedder(weights: TowerWeights, config: ClipConfig, compiler: Compiles): Promise<Embedder> {
  const towers = engineTowers(config, compiler);
  const embedder = await towers.withWeights(weights);
  const dispose = (): void => {
    embedder.dispose();
    towers.dispose();
  };
  return { ...embedder, dispose };
}
