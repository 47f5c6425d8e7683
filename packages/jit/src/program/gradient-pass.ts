import { ClipError } from "@clip-ts/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import { trace, type InputSpec, type NamedTensors } from "../trace/trace.ts";
import type { FlatState } from "./flat-state.ts";
import { dtypeOf, type HostArrays } from "@clip-ts/core";
import { prefixed } from "./names.ts";
import type { Target } from "./target.ts";
import type { Gradients, TrainingSpec } from "./training-spec.ts";

/** What a pass gives besides the gradients, which lie in the state's flat array. */
export interface PassResults {
  /** `loss` and the metrics. */
  readonly scalars: Readonly<Record<string, number>>;
  /** What parameters that are not trained become, by path. */
  readonly statistics: HostArrays;
}

/** Computes the gradients of batches of certain shapes. */
export interface GradientPass {
  run(batch: HostArrays): Promise<PassResults>;
  dispose(): Promise<void>;
}

/** Shapes and types of arrays. */
export function specsOf(arrays: HostArrays): Record<string, InputSpec> {
  const specs = Object.entries(arrays).map(([name, array]): [string, InputSpec] => [
    name,
    { shape: array.shape, dtype: dtypeOf(array) },
  ]);
  return Object.fromEntries(specs);
}

/** Those of `values` whose names begin with the prefix, by what follows it. */
export function under<Value>(
  prefix: string,
  values: Readonly<Record<string, Value>>,
): Record<string, Value> {
  const start = `${prefix}:`;
  const entries = Object.entries(values).filter(([name]) => name.startsWith(start));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(start.length), value]));
}

/** Loss and metrics as the outputs of a graph. */
export const scalarOutputs = ({ loss, metrics = {} }: Gradients): NamedTensors => ({
  loss,
  ...prefixed("metric", metrics),
});

/** The only number in each array. */
export const numbersOf = (arrays: HostArrays): Record<string, number> =>
  Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data[0] as number]));

/** Loss and metrics among a graph's results. */
export const scalarsOf = ({ loss, ...results }: HostArrays): Record<string, number> =>
  numbersOf({ ...(loss === undefined ? {} : { loss }), ...under("metric", results) });

/** The gradients of these leaves. @throws ClipError "bad-argument" naming a leaf that has none. */
export function gradientsOf(paths: readonly string[], grads: NamedTensors): NamedTensors {
  const missing = paths.find((path) => grads[path] === undefined);
  if (missing === undefined) {
    return Object.fromEntries(paths.map((path) => [path, grads[path] as Tensor]));
  }
  throw new ClipError("bad-argument", `There is no gradient for the leaf "${missing}".`);
}

/** Compiles the gradients of whole batches shaped like this one: one graph. */
export async function compileGradientPass(
  spec: TrainingSpec,
  state: FlatState,
  like: HostArrays,
  target: Target,
): Promise<GradientPass> {
  const paths = Object.keys(state.grads);
  const graph = trace(
    (inputs) => {
      const outcome = spec.gradient(under("param", inputs), under("batch", inputs));
      return {
        ...scalarOutputs(outcome),
        ...prefixed("grad", gradientsOf(paths, outcome.grads)),
        ...prefixed("statistic", outcome.statistics ?? {}),
      };
    },
    { ...prefixed("param", specsOf(state.params)), ...prefixed("batch", specsOf(like)) },
  );
  const compiled = await target(graph);
  const params = prefixed("param", state.params);
  const grads = prefixed("grad", state.grads);
  return {
    async run(batch) {
      const results = await compiled.run({ ...params, ...prefixed("batch", batch) }, grads);
      return { scalars: scalarsOf(results), statistics: under("statistic", results) };
    },
    dispose: () => compiled.dispose(),
  };
}
