import { ClipError } from "@clip-ts/base";
import { flattenTree, type HostArray, type HostArrays } from "@clip-ts/core";
import { bindInputs, type CompiledFunction, type Target } from "@clip-ts/jit";
import type { ClipConfig, Embedder } from "@clip-ts/model";
import { embedderOf, functionOf, leavesOf, partsOf, sidesOf, traceOpen, type Side } from "./sides.ts";

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

/** Whether all parameters of a side are among the weights. */
const isThere = ({ parts }: Side, weights: HostArrays, config: ClipConfig): boolean =>
  Object.keys(flattenTree(partsOf(config, parts))).every((path) => path in weights);

/** Sides that are ready, by their names. */
export type CompiledSides = Partial<Record<keyof ReturnType<typeof sidesOf>, CompiledFunction>>;

/** Compiles the sides whose weights are there; undefined if one needs its sizes fixed. */
export async function compileSides(
  weights: HostArrays,
  config: ClipConfig,
  target: Target,
): Promise<CompiledSides | undefined> {
  const compiled: CompiledSides = {};
  const disposeAll = (): void => {
    for (const each of Object.values(compiled)) void each.dispose();
  };
  const sides = Object.entries(sidesOf(config)) as [keyof CompiledSides, Side][];
  try {
    for (const [name, side] of sides) {
      if (!isThere(side, weights, config)) continue;
      const ready = await compileSide(side, weights, { config, target });
      if (ready === undefined) {
        disposeAll();
        return undefined;
      }
      compiled[name] = ready;
    }
  } catch (error) {
    disposeAll();
    throw error;
  }
  return compiled;
}

/** The embedder of sides that are ready. */
export function embedderOfSides(compiled: CompiledSides, weights: HostArrays, config: ClipConfig): Embedder {
  const run = async (name: keyof CompiledSides, input: HostArray): Promise<Float32Array> => {
    const side = compiled[name];
    if (side === undefined) throw new ClipError("bad-argument", `The weights of the side "${name}" were not given.`);
    return (await side.run({ input }))["features"]?.data as Float32Array;
  };
  return embedderOf(config, weights, {
    images: (input) => run("images", input),
    texts: (input) => run("texts", input),
    dispose() {
      for (const each of Object.values(compiled)) void each.dispose();
    },
  });
}

/**
 * An embedder of weights that can only be constants (`needsConstants`), of one side or both: what the weights are not there
 * for is refused when it is asked for.
 * @throws ClipError "unsupported" for a tower whose operations need the sizes fixed.
 */
export async function constantEmbedder(weights: HostArrays, config: ClipConfig, target: Target): Promise<Embedder> {
  const compiled = await compileSides(weights, config, target);
  if (compiled !== undefined) return embedderOfSides(compiled, weights, config);
  throw new ClipError(
    "unsupported",
    "A tower of this model computes in another way at every batch size, so that its weights cannot be kept with fewer " +
      "bits: leave out the dtype.",
  );
}
