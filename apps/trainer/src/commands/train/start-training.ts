import { refuseAfterDisposal } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { pairArrays, type Batch, type Cursor } from "@clip-ts/data";
import type { Compiler } from "@clip-ts/engines";
import { closing, loadHostParams } from "@clip-ts/inference";
import { pairGroups } from "@clip-ts/loss";
import { readCheckpointState, storedModel } from "@clip-ts/node";
import {
  checkpointSlots,
  createTraining,
  stateLayout,
  stateOf,
  type StepNumbers,
  type TrainedModels,
  type Training,
  type TrainingPlan,
  type TrainingState,
} from "@clip-ts/training";
import type { RunModel } from "../../config/model.ts";
import {
  clipTraining,
  type ClipTrainingOptions,
  type RunTrainingOptions,
} from "../../config/training-options.ts";
import type { BestSoFar } from "./early-stopping.ts";
import { readStoredSlots } from "./checkpoint-contents.ts";
import { openTeacher, type Teacher } from "./teacher.ts";
import type { TeacherOptions } from "../../config/options.ts";

/**
 * Says that the training step is being compiled for batches of these shapes, which keeps a run waiting
 * for seconds, and how long it took.
 */
function announceCompiling(shapes: string): () => void {
  const started = performance.now();
  const write = (text: string): void => void process.stderr.write(text);
  if (process.stderr.isTTY) write(`\rcompile a training step for ${shapes} ...`);
  return () => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const end = process.stderr.isTTY ? "" : `compile a training step for ${shapes} ...`;
    write(`${end} ${seconds} s\n`);
  };
}

/** What the pairs of a batch tell all by themselves, for objectives that read it. */
const toldByPairs: Readonly<Record<string, (batch: Batch) => HostArray>> = {
  groups: ({ keys, captions, batch }) => ({ data: pairGroups(keys, captions), shape: [batch] }),
};

/** A batch of pairs as the arrays that an objective reads, `shared` among them by these names. */
async function runArrays(
  batch: Batch,
  shared: readonly string[],
  teacher: Teacher | undefined,
): Promise<HostArrays> {
  const told = Object.entries(toldByPairs).filter(([name]) => shared.includes(name));
  return {
    ...pairArrays(batch),
    ...Object.fromEntries(told.map(([name, arrayOf]) => [name, arrayOf(batch)])),
    ...(await teacher?.features(batch)),
  };
}

/** A run's model being trained, on batches of pairs. */
export interface ActiveTraining {
  readonly plan: TrainingPlan;
  /** Steps taken so far. */
  readonly steps: () => number;
  /** One optimiser step. @throws ClipError "diverged", with the state as it was before. */
  readonly step: (batch: Batch) => Promise<StepNumbers>;
  /** The state, to be used before the next step. */
  readonly read: () => Promise<TrainingState>;
  /** The models as they are now, for as long as `measure` runs. */
  readonly evaluate: <Result>(
    measure: (models: TrainedModels) => Promise<Result>,
  ) => Promise<Result>;
  /** Frees the state. */
  readonly dispose: () => void;
}

/** An active training and where it stands in the data. */
export interface StartedTraining {
  readonly active: ActiveTraining;
  readonly cursor?: Cursor;
  /** The best evaluation that a checkpoint remembers. */
  readonly best?: BestSoFar;
}

/** State, and where it stands in the data. */
type Restored = Omit<StartedTraining, "active"> & { readonly state: TrainingState };

async function restore(
  folder: string,
  model: RunModel,
  options: ClipTrainingOptions,
): Promise<Restored> {
  const { step, cursor, best } = await readCheckpointState(folder);
  const saved = await closing(await storedModel(folder, model.description), loadHostParams);
  const { plan, slots } = stateLayout(options);
  const base = plan.lora === undefined ? saved : await model.start();
  const stored = await readStoredSlots(folder, checkpointSlots(plan, slots), plan);
  const state = stateOf(plan, { step, model: saved, slots: stored }, base);
  return {
    state,
    ...(cursor !== undefined && { cursor: cursor as Cursor }),
    ...(best !== undefined && { best: best as BestSoFar }),
  };
}

/** Where a training begins, and what compiles its steps; without a compiler they run as they come. */
export interface OpenOptions {
  readonly checkpoint?: string | undefined;
  readonly compiler?: Compiler | undefined;
  readonly teacher?: TeacherOptions | undefined;
}

/** What a training says after `dispose`. */
const trainingDisposed = {
  what: "This training session",
  remedy: "Open another from a checkpoint to go on.",
};

/** A function of its own, so that nothing holds where the training starts once it has begun. */
async function begin(
  options: ClipTrainingOptions,
  model: RunModel,
  { checkpoint, compiler }: OpenOptions,
): Promise<{ readonly training: Training; readonly place: Omit<Restored, "state"> }> {
  const running = { ...options, engine: compiler, onCompile: announceCompiling };
  if (checkpoint === undefined) {
    return {
      training: await createTraining({ ...running, params: await model.start() }),
      place: {},
    };
  }
  const { state, ...place } = await restore(checkpoint, model, options);
  return { training: await createTraining({ ...running, state }), place };
}

/**
 * Begins a run on the running engine, or goes on from a checkpoint folder. The caller disposes the
 * session.
 */
export async function startTraining(
  trained: RunTrainingOptions,
  model: RunModel,
  open: OpenOptions = {},
): Promise<StartedTraining> {
  const options = clipTraining(trained, model.description.config);
  const { training, place } = await begin(options, model, open);
  const teacher =
    open.teacher && (await openTeacher(open.teacher, model.description, open.compiler));
  const { shared } = options.objective.inputs;
  const { plan, steps, read, evaluate } = training;
  const own: Omit<ActiveTraining, "plan" | "steps"> = {
    step: async (batch) => training.step(await runArrays(batch, shared, teacher)),
    read,
    evaluate,
    dispose() {
      void training.dispose();
      teacher?.dispose();
    },
  };
  return { active: { plan, steps, ...refuseAfterDisposal(own, trainingDisposed) }, ...place };
}
