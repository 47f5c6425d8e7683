import type { HostArray, HostArrays } from "@clip-ts/core";
import { bindInputs, trace, type CompiledFunction, type Target } from "@clip-ts/jit";
import type { ClipConfig, Embedder } from "@clip-ts/model";
import { engineEmbedder } from "./compiled-towers.ts";
import { embedderOf, functionOf, leavesOf, sidesOf, traceOpen, type Side } from "./sides.ts";

/** A side with its weights as constants, for every batch size and caption length; undefined if it needs them fixed. */
async function compileSide(
  side: Side,
  weights: HostArrays,
  { config, target }: { readonly config: ClipConfig; readonly target: Target },
): Promise<CompiledFunction | undefined> {
  const { shape, dtype } = side;
  const inputs = { input: { shape, dtype }, ...leavesOf(weights) };
  const graph = traceOpen(functionOf(side, config), inputs, config);
  return graph && target(bindInputs(graph, weights));
}

/** Traces a side for one input, so that one that can never be traced is refused before it is asked to run. */
function traceClosed(side: Side, weights: HostArrays, config: ClipConfig): void {
  const sizes: Readonly<Record<string, number>> = { batch: 1, tokens: config.text.contextLength };
  const shape = side.shape.map((size) => (typeof size === "string" ? (sizes[size] ?? 1) : size));
  trace(functionOf(side, config), { input: { shape, dtype: side.dtype }, ...leavesOf(weights) });
}

/**
 * One embedder of these weights, which become constants of what is compiled: the engine keeps them in memory
 * of its own, once, and the arrays are not held on to. Both towers are ready for every batch size and caption
 * length when it resolves. A tower whose operations need the sizes fixed is traced for each that comes; the
 * arrays of such a model stay in use. No engine of tfjs has to run.
 * @throws ClipError "unsupported" naming an operation that the target lacks.
 */
export async function compileEmbedder(weights: HostArrays, config: ClipConfig, target: Target): Promise<Embedder> {
  const sides = sidesOf(config);
  const compiled: CompiledFunction[] = [];
  const dispose = (): void => {
    for (const each of compiled) void each.dispose();
  };
  try {
    for (const side of [sides.images, sides.texts]) {
      const ready = await compileSide(side, weights, { config, target });
      if (ready !== undefined) compiled.push(ready);
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const [images, texts] = compiled;
  if (images === undefined || texts === undefined) {
    dispose();
    for (const side of [sides.images, sides.texts]) traceClosed(side, weights, config);
    return engineEmbedder(weights, config, { target });
  }
  const run = async (side: CompiledFunction, input: HostArray): Promise<Float32Array> =>
    (await side.run({ input }))["features"]?.data as Float32Array;
  return embedderOf(config, weights, {
    images: (input) => run(images, input),
    texts: (input) => run(texts, input),
    dispose,
  });
}
