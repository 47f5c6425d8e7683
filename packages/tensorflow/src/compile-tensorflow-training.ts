import {
  disposableTraining,
  microBatchesOf,
  prefixed,
  shapesKey,
  withoutData,
} from "@clip-ts/jit/backend";
import {
  dtypeOf,
  type HostArray,
  type HostArrays,
  type TrainingProgram,
  type TrainingSpec,
  type TrainingState,
} from "@clip-ts/jit";
import { accumulatedSteps, sumsOf } from "./accumulated-steps.ts";
import type { OwnOperations, Precision } from "./graph-builder.ts";
import type { FolderAccess } from "./session.ts";
import { createTensorflowProgram, type TensorflowProgram } from "./tensorflow-program.ts";
import type { StateSpec } from "./variables.ts";
import { stateNames } from "./trace-training-step.ts";
import { wholeStep, type StepShapes, type TrainingSteps } from "./training-steps.ts";

/** How a training is compiled for TensorFlow. */
export interface TensorflowTrainingOptions extends OwnOperations {
  readonly folders: FolderAccess;
  readonly precision?: Precision;
}

/** Shape of every state tensor: parameters, and slots of those that are trained. */
function stateShapes(spec: TrainingSpec): Record<string, StateSpec> {
  const slots = Object.keys(spec.leaves).flatMap((path) => {
    const { shape } = spec.params[path] as HostArray;
    return stateNames(spec, path)
      .slice(1)
      .map((name) => [name, { shape }] as const);
  });
  const params = Object.entries(spec.params).map(
    ([path, array]) => [path, { shape: array.shape, dtype: dtypeOf(array) }] as const,
  );
  return { ...prefixed("param", Object.fromEntries(params)), ...Object.fromEntries(slots) };
}

/** State with zeros for what has not been given yet. */
function filledUp(state: HostArrays, shapes: Readonly<Record<string, StateSpec>>): HostArrays {
  const all = Object.entries(shapes).map(([name, { shape }]): [string, HostArray] => {
    const length = shape.reduce((product, side) => product * side, 1);
    return [name, state[name] ?? { data: new Float32Array(length), shape }];
  });
  return Object.fromEntries(all);
}

/** State by name as the trees that callers know. */
function treesOf({ slots: slotNames }: TrainingSpec, flat: HostArrays): TrainingState {
  const pick = (prefix: string): HostArrays =>
    Object.fromEntries(
      Object.entries(flat)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, array]) => [name.slice(prefix.length), array]),
    );
  const slots = slotNames.map((slot): [string, HostArrays] => [slot, pick(`slot:${slot}:`)]);
  return { params: pick("param:"), slots: Object.fromEntries(slots) };
}

/** The steps of batches shaped like this one: in a loop over micro-batches if it comes in some. */
function stepsFor(spec: TrainingSpec, wanted: StepShapes): TrainingSteps {
  const { accumulated } = spec;
  return accumulated === undefined || microBatchesOf(wanted.batch).parts.length === 0
    ? wholeStep(spec, wanted)
    : accumulatedSteps(spec, accumulated, wanted);
}

/**
 * Compiles a training whose state stays in TensorFlow. One session holds a step for every combination of
 * shapes seen so far; a new one moves the state to a session with one step more.
 */
export async function compileTensorflowTraining(
  given: TrainingSpec,
  { folders, precision = "f32", ...own }: TensorflowTrainingOptions,
): Promise<TrainingProgram> {
  const known = new Map<string, TrainingSteps>();
  const spec = withoutData(given);
  const shapes = stateShapes(given);
  const exact = new Set([...(given.exact ?? [])].map((path) => `param:${path}`));
  let waiting: HostArrays = prefixed("param", given.params);
  let program: TensorflowProgram | undefined;

  /** A function of its own, so that nothing holds the state that was handed over once it returns. */
  const load = async (): Promise<void> => {
    const steps = Object.assign({}, ...[...known.values()].map((each) => each.steps));
    const state = program === undefined ? waiting : await program.readState();
    await program?.dispose();
    program = await createTensorflowProgram(
      {
        state: shapes,
        scratch: spec.accumulated === undefined ? {} : sumsOf(spec),
        steps: steps as TrainingSteps["steps"],
        precision,
        ...own,
        staysExact: (name) => exact.has(name),
      },
      folders,
    );
    await program.writeState(state);
    waiting = {};
  };
  const addSteps = async (wanted: StepShapes): Promise<TrainingSteps> => {
    const key = shapesKey(wanted.batch);
    const done = spec.onCompile?.(key);
    const added = stepsFor(spec, wanted);
    known.set(key, added);
    await load();
    done?.();
    return added;
  };
  return disposableTraining({
    async run(batch, scalars) {
      const steps =
        known.get(shapesKey(batch)) ?? (await addSteps({ batch, scalars: Object.keys(scalars) }));
      return steps.run(program as TensorflowProgram, batch, scalars);
    },
    readState: async () => treesOf(spec, (await program?.readState()) ?? filledUp(waiting, shapes)),
    async writeState({ params = {}, slots = {} }) {
      const named = Object.entries(slots).map(([slot, tree]) => prefixed(`slot:${slot}`, tree));
      const next = Object.assign({}, prefixed("param", params), ...named) as HostArrays;
      if (program === undefined) waiting = { ...waiting, ...next };
      else await program.writeState(next);
    },
    async dispose() {
      await program?.dispose();
    },
  });
}
