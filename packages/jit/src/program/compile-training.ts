import { compileAccumulatedPass } from "./accumulated-pass.ts";
import { createCompileCache } from "./compile-cache.ts";
import { disposableTraining } from "./disposed.ts";
import { createFlatState, type FlatState } from "./flat-state.ts";
import { compileGradientPass, type GradientPass } from "./gradient-pass.ts";
import type { HostArrays } from "@clip-ts/core";
import type { LeafSettings } from "./leaf-layout.ts";
import { compileNormPass } from "./norm-pass.ts";
import { compileOptimizerPass, type OptimizerPass } from "./optimizer-pass.ts";
import type { Target } from "./target.ts";
import type { TrainingProgram, TrainingSpec } from "./training-spec.ts";
import { microBatchesOf } from "./micro-batches.ts";
import { shapesKey } from "./names.ts";
import { withoutData } from "./without-data.ts";

/** The gradients of batches like this one: in a loop over micro-batches if it comes in some. */
function compilePass(
  spec: TrainingSpec,
  state: FlatState,
  like: HostArrays,
  target: Target,
): Promise<GradientPass> {
  const { accumulated } = spec;
  return accumulated === undefined || microBatchesOf(like).parts.length === 0
    ? compileGradientPass(spec, state, like, target)
    : compileAccumulatedPass({ spec: accumulated, state, target }, like);
}

/**
 * Compiles a training. Gradients are compiled for every combination of shapes in a batch, when
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
  const gradients = createCompileCache<GradientPass>(spec.maxCompiled ?? 3);
  let optimizer: OptimizerPass | undefined;
  return disposableTraining({
    async run(batch, scalars) {
      const key = shapesKey(batch);
      const gradient = await gradients.get(key, async () => {
        const done = spec.onCompile?.(key);
        const compiled = await compilePass(spec, state, batch, target);
        done?.();
        return compiled;
      });
      const { scalars: metrics, statistics } = await gradient.run(batch);
      const gradNorm = await norm.run();
      if (Number.isFinite(metrics["loss"]) && Number.isFinite(gradNorm)) {
        const numbers = { ...scalars, clip: Math.min(1, maxNorm / (gradNorm + 1e-6)) };
        optimizer ??= await compileOptimizerPass(spec, state, target, Object.keys(numbers));
        await optimizer.run(numbers);
        state.write({ params: statistics });
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
  });
}
