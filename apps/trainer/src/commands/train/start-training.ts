import { refuseAfterDisposal } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { pairArrays, type Batch, type Cursor } from "@clip-ts/data";
import { exchangeOf, singleProcess, type Communicator } from "@clip-ts/distributed";
import type { Compiler } from "@clip-ts/engines";
import { closing, loadHostParams } from "@clip-ts/inference";
import type { ToldNumbers } from "@clip-ts/jit";
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
import { say } from "../../cli/output.ts";
import type { RunModel } from "../../config/model.ts";
import type { TeacherOptions } from "../../config/options.ts";
import { clipTraining, type ClipTrainingOptions, type RunTrainingOptions } from "../../config/training-options.ts";
import { isShared } from "../../distributed/agreement.ts";
import { groupsOfRanks } from "../../distributed/groups.ts";
import { broadcastArrays, broadcastJson } from "../../distributed/messages.ts";
import { readStoredSlots } from "./checkpoint-contents.ts";
import type { BestSoFar } from "./early-stopping.ts";
import { openTeacher, type Teacher } from "./teacher.ts";

/**
 * Says that the training step is being compiled for batches of these shapes, which keeps a run waiting
 * for seconds, and how long it took.
 */
function announceCompiling(shapes: string): () => void {
  const started = performance.now();
  if (process.stderr.isTTY) say(`\rcompile a training step for ${shapes} ...`);
  return () => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const end = process.stderr.isTTY ? "" : `compile a training step for ${shapes} ...`;
    say(`${end} ${seconds} s\n`);
  };
}

/** What the pairs of all ranks tell all by themselves, for objectives that read it. */
const toldByPairs: Readonly<Record<string, (ranks: Communicator, batch: Batch) => Promise<HostArray>>> = {
  groups: groupsOfRanks,
};

/** What a batch is made into arrays with. */
interface ArrayParts {
  readonly ranks: Communicator;
  /** Names of what an objective reads of the pairs of all ranks. */
  readonly shared: readonly string[];
  readonly teacher: Teacher | undefined;
}

/** This rank's pairs as the arrays that an objective reads, and what it reads of all pairs. */
async function runArrays(batch: Batch, { ranks, shared, teacher }: ArrayParts): Promise<HostArrays> {
  const arrays: Record<string, HostArray> = { ...pairArrays(batch) };
  for (const [name, arrayOf] of Object.entries(toldByPairs)) {
    if (shared.includes(name)) arrays[name] = await arrayOf(ranks, batch);
  }
  return { ...arrays, ...(await teacher?.features(batch)) };
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
  readonly evaluate: <Result>(measure: (models: TrainedModels) => Promise<Result>) => Promise<Result>;
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

/** What rank 0 restored, on all ranks: no other needs to see the run's folder. */
async function shareRestored(ranks: Communicator, own: Restored | undefined): Promise<Restored> {
  const { state, ...place } = own ?? {};
  const { step, slots, ...told } = await broadcastJson(
    ranks,
    state && { ...place, step: state.step, slots: Object.keys(state.slots) },
  );
  const params = await broadcastArrays(ranks, state?.params);
  const shared: Record<string, HostArrays> = {};
  for (const slot of slots) shared[slot] = await broadcastArrays(ranks, state?.slots[slot]);
  return { ...told, state: { step, params, slots: shared } };
}

async function restore(folder: string, model: RunModel, options: ClipTrainingOptions): Promise<Restored> {
  const { step, cursor, best } = await readCheckpointState(folder);
  const saved = await closing(await storedModel(folder, model.description), loadHostParams);
  const { plan, slots, slotShape } = stateLayout(options);
  const base = plan.lora === undefined ? saved : await model.start();
  const stored = await readStoredSlots(folder, checkpointSlots(plan, slots), { ...plan, slotShape });
  const state = stateOf(plan, { step, model: saved, slots: stored }, base);
  return {
    state,
    ...(cursor !== undefined && { cursor: cursor as Cursor }),
    ...(best !== undefined && { best: best as BestSoFar }),
  };
}

/** Those who train together, and what they tell each other beside what they learn. */
export interface TrainingRanks {
  readonly ranks: Communicator;
  readonly numbers?: ToldNumbers | undefined;
}

/** Where a training begins, and what compiles its steps; without a compiler they run as they come. */
export interface OpenOptions extends Partial<TrainingRanks> {
  /** Where an earlier one stood; rank 0 alone has to name it. */
  readonly checkpoint?: string | undefined;
  /** Whether it goes on from there: whether there is a checkpoint, by default. */
  readonly resumes?: boolean | undefined;
  readonly compiler?: Compiler | undefined;
  readonly teacher?: TeacherOptions | undefined;
}

/** What a training says after `dispose`. */
const trainingDisposed = {
  what: "This training session",
  remedy: "Open another from a checkpoint to go on.",
};

/**
 * Gradients are summed while others are computed where a network carries them. Ranks of one machine sum them at the
 * speed of its memory, on the cores that would compute meanwhile: there all at once is faster.
 */
function bucketsFor({ hosts }: Communicator): { readonly bucketBytes?: number } {
  return new Set(hosts).size === 1 ? { bucketBytes: Infinity } : {};
}

/** A function of its own, so that nothing holds where the training starts once it has begun. */
async function begin(
  options: ClipTrainingOptions,
  model: RunModel,
  { checkpoint, compiler, ranks = singleProcess(), numbers, resumes = checkpoint !== undefined }: OpenOptions,
): Promise<{ readonly training: Training; readonly place: Omit<Restored, "state"> }> {
  const exchange = isShared(ranks) ? { ...exchangeOf(ranks), numbers, ...bucketsFor(ranks) } : undefined;
  const running = { ...options, engine: compiler, onCompile: announceCompiling, exchange };
  const isFirst = ranks.rank === 0;
  if (!resumes) {
    const own = isFirst ? await model.start() : undefined;
    const params = isShared(ranks) ? await broadcastArrays(ranks, own) : own;
    return { training: await createTraining({ ...running, params }), place: {} };
  }
  const own = checkpoint === undefined ? undefined : await restore(checkpoint, model, options);
  const { state, ...place } = isShared(ranks) ? await shareRestored(ranks, own) : (own as Restored);
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
  const { compiler, ranks = singleProcess() } = open;
  const teacher = open.teacher && (await openTeacher(open.teacher, model.description, { compiler, ranks }));
  const { shared } = options.objective.inputs;
  const { plan, steps, read, evaluate } = training;
  const own: Omit<ActiveTraining, "plan" | "steps"> = {
    async step(batch) {
      ranks.working(`step ${steps()}`);
      return training.step(await runArrays(batch, { ranks, shared, teacher }));
    },
    read,
    evaluate,
    dispose() {
      void training.dispose();
      teacher?.dispose();
    },
  };
  return { active: { plan, steps, ...refuseAfterDisposal(own, trainingDisposed) }, ...place };
}
