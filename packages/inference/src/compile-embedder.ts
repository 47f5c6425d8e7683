import type { HostArrays } from "@clip-ts/core";
import { trace, type Target } from "@clip-ts/jit";
import type { ClipConfig, Embedder } from "@clip-ts/model";
import { engineEmbedder } from "./compiled-towers.ts";
import { compileSides, embedderOfSides } from "./constant-sides.ts";
import { functionOf, leavesOf, sidesOf, type Side } from "./sides.ts";

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
  const compiled = await compileSides(weights, config, target);
  if (compiled !== undefined) return embedderOfSides(compiled, weights, config);
  for (const side of Object.values(sidesOf(config))) traceClosed(side, weights, config);
  return engineEmbedder(weights, config, { target });
}
