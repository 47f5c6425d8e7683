import { flattenTree, unflattenLike } from "@clip-ts/core";
import {
  dtypeOf,
  trace,
  type CompiledFunction,
  type HostArray,
  type HostArrays,
  type Target,
} from "@clip-ts/jit";
import {
  clipSpec,
  embedImages,
  embedTexts,
  type ClipConfig,
  type ClipParams,
  type Embedder,
} from "@clip-ts/model";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";

/** Both towers of an architecture, compiled for whatever weights come. */
export interface CompiledTowers {
  /**
   * An embedder of these weights. Takes them over: they are read to the host and disposed. Disposing
   * the embedder lets go of the weights; what is compiled stays with the towers.
   */
  withWeights(params: ClipParams): Promise<Embedder>;
  /** Frees what the runtime holds. */
  dispose(): void;
}

/** One tower and its head, compiled for each shape that comes. */
interface Tower {
  /** @returns the unit features of the input. */
  run(input: HostArray, params: HostArrays): Promise<Float32Array>;
  dispose(): void;
}

type Embed = (params: ClipParams, input: Tensor, config: ClipConfig) => Tensor;

/** How a tower is compiled. */
interface TowerOptions {
  readonly config: ClipConfig;
  readonly target: Target;
  /** Whether the engine may keep the weights, once for each shape of input: where these are few. */
  readonly lasts: boolean;
}

function createTower(embed: Embed, { config, target, lasts }: TowerOptions): Tower {
  const spec = clipSpec(config);
  const compiled = new Map<string, Promise<CompiledFunction>>();
  const compile = (input: HostArray, params: HostArrays): Promise<CompiledFunction> => {
    const graph = trace(
      ({ input: given, ...leaves }) => ({
        features: embed(unflattenLike(spec, leaves) as ClipParams, given as Tensor, config),
      }),
      { input: { shape: input.shape, dtype: dtypeOf(input) }, ...params },
    );
    return target(graph, { lasting: lasts ? Object.keys(params) : [] });
  };
  return {
    async run(input, params) {
      const key = input.shape.join();
      const ready = compiled.get(key) ?? compile(input, params);
      compiled.set(key, ready);
      const { features } = await (await ready).run({ input, ...params });
      return features?.data as Float32Array;
    },
    dispose() {
      for (const ready of compiled.values()) void ready.then((built) => built.dispose());
      compiled.clear();
    },
  };
}

/** Moves parameters to the host, by path. CONSUMES them. */
async function takeToHost(params: ClipParams): Promise<HostArrays> {
  const flat = flattenTree<Tensor>(params);
  const entries = Object.entries(flat).map(async ([path, leaf]) => {
    return [path, { data: (await leaf.data()) as Float32Array, shape: leaf.shape }] as const;
  });
  const host = Object.fromEntries(await Promise.all(entries));
  dispose(Object.values(flat));
  return host;
}

/**
 * Compiles the towers of an architecture with an engine: each new batch size or caption length is traced
 * once, when it first comes, and kept for all weights.
 */
export function compileTowers(config: ClipConfig, target: Target): CompiledTowers {
  const images = createTower(embedImages, { config, target, lasts: true });
  const texts = createTower(embedTexts, { config, target, lasts: false });
  const { channels, imageSize } = config.vision;
  return {
    async withWeights(params) {
      let host = await takeToHost(params);
      const logitBias = host["logit_bias"]?.data[0];
      return {
        logitScale: host["logit_scale"]?.data[0] ?? 0,
        ...(logitBias !== undefined && { logitBias }),
        images: (pixels, rows) =>
          images.run({ data: pixels, shape: [rows, channels, imageSize, imageSize] }, host),
        texts: ({ inputIds, batch, tokens }) =>
          texts.run({ data: inputIds, shape: [batch, tokens] }, host),
        dispose() {
          host = {};
        },
      };
    },
    dispose() {
      images.dispose();
      texts.dispose();
    },
  };
}
