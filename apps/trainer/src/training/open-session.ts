import { refuseAfterDisposal } from "@clip-ts/base";
import type { Cursor } from "@clip-ts/data";
import type { Compiler } from "@clip-ts/engines";
import { loadHostParams } from "@clip-ts/inference";
import { readCheckpointState } from "@clip-ts/node";
import {
  checkpointSlots,
  createTraining,
  stateLayout,
  stateOf,
  type Training,
  type TrainingState,
} from "@clip-ts/training";
import { storedModel } from "@clip-ts/node";
import { closing } from "@clip-ts/inference";
import type { RunModel } from "../config/model.ts";
import {
  clipTraining,
  type ClipTrainingOptions,
  type RunTrainingOptions,
} from "../config/training-options.ts";
import { announceCompiling } from "./announce-compiling.ts";
import type { BestSoFar } from "./early-stopping.ts";
import { runArrays } from "./run-arrays.ts";
import type { TrainingSession } from "./session.ts";
import { readStoredSlots } from "./stored-slots.ts";
import { openTeacher, type TeacherOptions } from "./teacher.ts";

/** A session and where it stands in the data. */
export interface OpenedSession {
  readonly session: TrainingSession;
  readonly cursor?: Cursor;
  /** The best evaluation that a checkpoint remembers. */
  readonly best?: BestSoFar;
}

/** State, and where it stands in the data. */
type Restored = Omit<OpenedSession, "session"> & { readonly state: TrainingState };

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

/** Where a session begins, and what compiles its steps; without a compiler they run as they come. */
export interface OpenOptions {
  readonly checkpoint?: string | undefined;
  readonly compiler?: Compiler | undefined;
  readonly teacher?: TeacherOptions | undefined;
}

/** What a session says after `dispose`. */
const sessionDisposed = {
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
export async function openSession(
  trained: RunTrainingOptions,
  model: RunModel,
  open: OpenOptions = {},
): Promise<OpenedSession> {
  const options = clipTraining(trained, model.description.config);
  const { training, place } = await begin(options, model, open);
  const teacher =
    open.teacher && (await openTeacher(open.teacher, model.description, open.compiler));
  const { shared } = options.objective.inputs;
  const { plan, steps, read, evaluate } = training;
  const own: Omit<TrainingSession, "plan" | "steps"> = {
    step: async (batch) => training.step(await runArrays(batch, shared, teacher)),
    read,
    evaluate,
    dispose() {
      void training.dispose();
      teacher?.dispose();
    },
  };
  return { session: { plan, steps, ...refuseAfterDisposal(own, sessionDisposed) }, ...place };
}
