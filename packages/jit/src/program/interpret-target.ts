import { dispose, tensor, type Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { disposableFunction } from "./disposed.ts";
import type { HostArray } from "@clip-ts/core";
import type { CompiledFunction } from "./target.ts";

/** Runs graphs operation by operation on the tfjs engine that runs now: slow, works everywhere. */
export async function interpretTarget(graph: Graph): Promise<CompiledFunction> {
  return disposableFunction({
    async run(given, into = {}) {
      const inputs = graph.inputs.map(({ name, value }): [string, Tensor] => [
        name,
        tensor((given[name] as HostArray).data, [...value.shape], value.dtype),
      ]);
      const tensors = Object.fromEntries(inputs);
      const results = interpret(graph, tensors);
      const arrays = Object.entries(results).map(async ([name, result]) => {
        const data = await result.data<"float32">();
        into[name]?.data.set(data);
        return [name, into[name] ?? { data: data.slice(), shape: result.shape }] as const;
      });
      const read = Object.fromEntries(await Promise.all(arrays));
      dispose([tensors, results]);
      return read;
    },
    dispose: () => Promise.resolve(),
  });
}
