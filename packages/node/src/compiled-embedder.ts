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

/** One tower and its head, compiled for each shape that comes. */
interface Tower {
  /** @returns the unit features of the input. */
  run(input: HostArray): Promise<Float32Array>;
  dispose(): void;
}

type Embed = (params: ClipParams, input: Tensor, config: ClipConfig) => Tensor;

function createTower(
  embed: Embed,
  params: HostArrays,
  { config, target }: { readonly config: ClipConfig; readonly target: Target },
): Tower {
  const spec = clipSpec(config);
  const compiled = new Map<string, Promise<CompiledFunction>>();
  const compile = (input: HostArray): Promise<CompiledFunction> => {
    const graph = trace(
      ({ input: given, ...leaves }) => ({
        features: embed(unflattenLike(spec, leaves) as ClipParams, given as Tensor, config),
      }),
      { input: { shape: input.shape, dtype: dtypeOf(input) }, ...params },
    );
    return target(graph);
  };
  return {
    async run(input) {
      const key = input.shape.join();
      const ready = compiled.get(key) ?? compile(input);
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

/**
 * Runs both towers compiled by an engine; each new batch size or caption length is traced once and kept.
 * Takes the parameters over: they are read to the host and disposed.
 */
export async function compiledEmbedder(
  params: ClipParams,
  config: ClipConfig,
  target: Target,
): Promise<Embedder> {
  const flat = flattenTree<Tensor>(params);
  const entries = Object.entries(flat).map(async ([path, leaf]) => {
    return [path, { data: (await leaf.data()) as Float32Array, shape: leaf.shape }] as const;
  });
  const host: HostArrays = Object.fromEntries(await Promise.all(entries));
  dispose(Object.values(flat));
  const images = createTower(embedImages, host, { config, target });
  const texts = createTower(embedTexts, host, { config, target });
  const { channels, imageSize } = config.vision;
  const logitBias = host["logit_bias"]?.data[0];
  return {
    logitScale: host["logit_scale"]?.data[0] ?? 0,
    ...(logitBias !== undefined && { logitBias }),
    images: (pixels, rows) =>
      images.run({ data: pixels, shape: [rows, channels, imageSize, imageSize] }),
    texts: ({ inputIds, batch, tokens }) => texts.run({ data: inputIds, shape: [batch, tokens] }),
    dispose() {
      images.dispose();
      texts.dispose();
    },
  };
}
