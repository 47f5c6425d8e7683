import { ClipError } from "@clip-ts/base";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { trace, type InputSpec, type NamedTensors } from "../trace/trace.ts";
import { createCompileCache } from "./compile-cache.ts";
import { createFlatState, type FlatState } from "./flat-state.ts";
import { dtypeOf, type HostArrays } from "./host-array.ts";
import type { LeafSettings } from "./leaf-layout.ts";
import { compileNormPass } from "./norm-pass.ts";
import { compileOptimizerPass, type OptimizerPass } from "./optimizer-pass.ts";
import type { Target } from "./target.ts";
import type { Gradients, TrainingProgram, TrainingSpec } from "./training-spec.ts";
import { prefixed, shapesKey } from "./names.ts";
import { withoutData } from "./without-data.ts";

function specsOf(arrays: HostArrays): Record<string, InputSpec> {
  const specs = Object.entries(arrays).map(([name, array]): [string, InputSpec] => [
    name,
    { shape: array.shape, dtype: dtypeOf(array) },
  ]);
  return Object.fromEntries(specs);
}

/** Inputs `param:*` and `batch:*`, outputs `loss`, `metric:*`, `grad:*` and `statistic:*`. */
function traceGradient(spec: TrainingSpec, state: FlatState, batch: HostArrays): Graph {
  const paths = Object.keys(state.params);
  const run = (inputs: NamedTensors): NamedTensors => {
    const pick = (prefix: string, names: readonly string[]): NamedTensors =>
      Object.fromEntries(names.map((name) => [name, inputs[`${prefix}:${name}`] as Tensor]));
    const { loss, metrics, grads, statistics }: Gradients = spec.gradient(
      pick("param", paths),
      pick("batch", Object.keys(batch)),
    );
    const missing = state.layout.places.find(({ path }) => grads[path] === undefined);
    if (missing !== undefined) {
      throw new ClipError("bad-argument", `There is no gradient for the leaf "${missing.path}".`);
    }
    const wanted = Object.keys(state.grads).map((path) => [path, grads[path] as Tensor]);
    return {
      loss,
      ...prefixed("metric", metrics ?? {}),
      ...prefixed("grad", Object.fromEntries(wanted) as NamedTensors),
      ...prefixed("statistic", statistics ?? {}),
    };
  };
  const inputs = {
    ...prefixed("param", specsOf(state.params)),
    ...prefixed("batch", specsOf(batch)),
  };
  return trace(run, inputs);
}

/** The scalars among the results of a gradient, by the names they have for the caller. */
function scalarsOf(results: HostArrays): Record<string, number> {
  const scalars = Object.entries(results).flatMap(([name, { data }]): [string, number][] =>
    /^(grad|statistic):/.test(name) ? [] : [[name.replace("metric:", ""), data[0] as number]],
  );
  return Object.fromEntries(scalars);
}

/** The results that replace parameters which are not trained, by path. */
function statisticsOf(results: HostArrays): HostArrays {
  const prefix = "statistic:";
  const entries = Object.entries(results).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, array]) => [name.slice(prefix.length), array]));
}

/**
 * Compiles a training. Gradients are one graph for every combination of shapes in a batch, compiled when
 * it first comes; they are written to one flat array, from which the optimiser, a small elementwise
 * graph, moves the parameters stretch by stretch.
 */
export async function compileTraining<Settings extends LeafSettings>(
  given: TrainingSpec<Settings>,
  target: Target,
): Promise<TrainingProgram> {
  const state = createFlatState(given);
  const spec = withoutData(given);
  const { maxNorm = Number.POSITIVE_INFINITY } = spec;
  const norm = await compileNormPass(state.grad, target);
  const gradients = createCompileCache(spec.maxCompiled ?? 3);
  const params = prefixed("param", state.params);
  const grads = prefixed("grad", state.grads);
  let optimizer: OptimizerPass | undefined;
  return {
    async run(batch, scalars) {
      const key = shapesKey(batch);
      const gradient = await gradients.get(key, async () => {
        const done = spec.onCompile?.(key);
        const compiled = await target(traceGradient(spec, state, batch));
        done?.();
        return compiled;
      });
      const results = await gradient.run({ ...params, ...prefixed("batch", batch) }, grads);
      const metrics = scalarsOf(results);
      const gradNorm = await norm.run();
      if (Number.isFinite(metrics["loss"]) && Number.isFinite(gradNorm)) {
        const numbers = { ...scalars, clip: Math.min(1, maxNorm / (gradNorm + 1e-6)) };
        optimizer ??= await compileOptimizerPass(spec, state, target, Object.keys(numbers));
        await optimizer.run(numbers);
        state.write({ params: statisticsOf(results) });
      }
      return { ...metrics, gradNorm };
    },
    readState: async () => state.read(),
    writeState: async (next) => state.write(next),
    async dispose() {
      await gradients.dispose();
      await norm.dispose();
      await optimizer?.dispose();
    },
  };
}
