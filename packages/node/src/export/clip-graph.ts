import type { HostArrays } from "@clip-ts/core";
import { bindInputs, optimize, traceSymbolic, type Graph } from "@clip-ts/jit";
import type { ClipConfig } from "@clip-ts/model";
import { paramsOf, type ClipFunction } from "./clip-functions.ts";

/**
 * Traces a function of a CLIP with its batch and text length left open, and fixes the parameters, which
 * stay in the caller's memory. Those that the function does not read are left out.
 */
export function clipGraph(
  { inputs, run }: ClipFunction,
  config: ClipConfig,
  params: HostArrays,
): Graph {
  const shapes = Object.entries(params).map(([path, { shape }]) => [path, { shape }] as const);
  const graph = traceSymbolic(
    (given) => run(paramsOf(config, given), given),
    { ...Object.fromEntries(shapes), ...inputs },
    { atMost: { sequence_length: config.text.contextLength } },
  );
  return optimize(bindInputs(graph, params));
}
