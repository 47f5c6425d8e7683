import { batchShapes } from "./batch.ts";
import { createCompileCache, type Target } from "./target.ts";
import { compileParts, compileWhole, type GradientInParts, type WholeGradient } from "./flat-gradient.ts";
import type { FlatSource } from "./flat-source.ts";
import { createFlatState, stretchesOf, writeFlatState } from "./flat-state.ts";
import { isFiniteStep, type StepFunctions } from "./step-functions.ts";
import { compileNormPass, compileOptimizerPass, type OptimizerPass } from "./optimizer-pass.ts";
import {
  programOf,
  type LoadOptions,
  type LoadProgram,
  type Preparation,
  type Program,
  type StepCalls,
  type StepHandlers,
} from "./program.ts";

/** What is compiled for batches of one kind. */
interface Compiled {
  readonly whole?: WholeGradient;
  readonly parts?: GradientInParts;
  dispose(): Promise<void>;
}

async function compileFor(source: FlatSource, what: Preparation): Promise<Compiled> {
  if (what.batch.parts.length === 1 && what.ranks === undefined) {
    const whole = await compileWhole(source, what.batch);
    return { whole, dispose: () => whole.dispose() };
  }
  const parts = await compileParts(source, what);
  return { parts, dispose: () => parts.dispose() };
}

/** Clips and moves what lies in the flat arrays. */
interface FlatUpdate {
  run(given: StepCalls["update"]["given"]): Promise<StepCalls["update"]["gives"]>;
  dispose(): Promise<void>;
}

async function flatUpdate({ functions, state, target }: FlatSource): Promise<FlatUpdate> {
  const { update } = functions;
  const norm = await compileNormPass(state.flat.grad, target);
  let optimizer: OptimizerPass | undefined;
  return {
    async run({ scalars, loss, statistics }) {
      const gradNorm = await norm.run();
      if (!isFiniteStep({ loss, gradNorm })) return { gradNorm };
      const numbers = { ...scalars, clip: Number(update.clip?.(gradNorm) ?? 1) };
      optimizer ??= await compileOptimizerPass(update, state, target, Object.keys(numbers));
      await optimizer.run(numbers);
      writeFlatState(state, { params: statistics });
      return { gradNorm };
    },
    async dispose() {
      await norm.dispose();
      await optimizer?.dispose();
    },
  };
}

/** The functions of a step on what is compiled for the batch at hand. */
function handlersOf(now: () => Compiled, update: FlatUpdate): StepHandlers {
  const parts = (): GradientInParts => now().parts as GradientInParts;
  return {
    async step({ pairs, shared, scalars }) {
      const whole = now().whole as WholeGradient;
      const { numbers, statistics } = await whole.run({ pairs, shared });
      const loss = numbers["loss"] ?? Number.NaN;
      return { ...numbers, ...(await update.run({ scalars, loss, statistics })) };
    },
    encode: (given) => parts().encode(given),
    compare: (given) => parts().compare(given),
    sums: (given) => parts().sums(given),
    slopes: (given) => parts().slopes(given),
    pullBack: (given) => parts().pullBack(given),
    update: (given) => update.run(given),
  };
}

/** A function of its own, so that nothing holds the starting state, a second copy, once it returns. */
async function flatProgram(source: FlatSource, { maxCompiled = 3, onCompile }: LoadOptions): Promise<Program> {
  const update = await flatUpdate(source);
  const kinds = createCompileCache<Compiled>(maxCompiled);
  let current: Compiled | undefined;
  const { state } = source;
  return programOf(
    handlersOf(() => current as Compiled, update),
    {
      async prepare(what) {
        const shapes = batchShapes(what.batch);
        current = await kinds.get(
          `${shapes} of ${what.ranks ?? 1}${what.local === undefined ? "" : ", local"}`,
          async () => {
            const done = onCompile?.(shapes);
            const compiled = await compileFor(source, what);
            done?.();
            return compiled;
          },
        );
      },
      read: async (part) => state[part],
      stretches: (isWanted) => stretchesOf(state, isWanted),
      write: async (given) => writeFlatState(state, given),
      async dispose() {
        await kinds.dispose();
        await update.dispose();
      },
    },
  );
}

/**
 * How a target that compiles graphs one by one holds a training: gradients are compiled for every
 * combination of shapes in a batch, when it first comes; they are written to one flat array, from which
 * the optimiser, a small elementwise graph, moves the parameters stretch by stretch, in place.
 */
export const flatLoader =
  (target: Target): LoadProgram =>
  (functions: StepFunctions, start, options = {}) =>
    flatProgram({ functions, state: createFlatState(functions.update, start), target }, options);
