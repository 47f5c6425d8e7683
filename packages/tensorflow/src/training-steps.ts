import {
  type Graph,
  type HostArray,
  type HostArrays,
  optimize,
  type TrainingSpec,
} from "@clip-ts/jit";
import { numbersOf, prefixed, shapesKey } from "@clip-ts/jit/backend";
import type { StepSpec } from "./emit-step.ts";
import type { TensorflowProgram } from "./tensorflow-program.ts";
import { traceTrainingStep } from "./trace-training-step.ts";

/** The numbers that a step takes and gives. */
export type Numbers = Readonly<Record<string, number>>;

/** What a training step on batches of certain shapes is on TensorFlow. */
export interface TrainingSteps {
  /** Entry points of the program, by name; those of the same name are the same. */
  readonly steps: Readonly<Record<string, StepSpec>>;
  /** Runs them on a program that has them. */
  run(program: TensorflowProgram, batch: HostArrays, scalars: Numbers): Promise<Numbers>;
}

/** The shapes that a step is built for. */
export interface StepShapes {
  readonly batch: HostArrays;
  readonly scalars: readonly string[];
}

/** Results that must be numbers, or the state stays as it was. */
export const mustBeFinite: readonly string[] = ["loss", "gradNorm"];

/** For each state tensor that a graph replaces, the output that does. */
export const updatesOf = ({ outputs }: Graph): Record<string, string> =>
  Object.fromEntries(
    outputs
      .filter(({ name }) => name.startsWith("next:"))
      .map(({ name }) => [name.slice("next:".length), name]),
  );

/** A number as an array without axes. */
export const scalar = (value: number): HostArray => ({ data: Float32Array.of(value), shape: [] });

/** Numbers as inputs of a step. */
export const scalarInputs = (scalars: Numbers): HostArrays =>
  prefixed(
    "scalar",
    Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value)])),
  );

/** A step on whole batches: one graph. */
export function wholeStep(spec: TrainingSpec, { batch, scalars }: StepShapes): TrainingSteps {
  const name = shapesKey(batch);
  const graph = optimize(traceTrainingStep(spec, batch, scalars));
  return {
    steps: { [name]: { graph, updates: updatesOf(graph), mustBeFinite } },
    async run(program, given, numbers) {
      const inputs = { ...prefixed("batch", given), ...scalarInputs(numbers) };
      return numbersOf(await program.run(name, inputs));
    },
  };
}
