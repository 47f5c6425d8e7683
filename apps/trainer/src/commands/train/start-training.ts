import { existsSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { refuseAfterDisposal, shownSize } from "@clip-ts/base";
import { countParams, type HostArray, type HostArrays } from "@clip-ts/core";
import { pairArrays, type Batch, type BatchStream, type Cursor, type PairSource } from "@clip-ts/data";
import { startEngine, type Compiler, type StartedEngine } from "@clip-ts/engines";
import { writeFileWhole } from "@clip-ts/files";
import { closing, loadHostParams, type ModelDescription } from "@clip-ts/inference";
import { pairGroups } from "@clip-ts/loss";
import { clipSpec } from "@clip-ts/model";
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
import { fetchModels } from "../../cli/fetch-models.ts";
import { note } from "../../cli/output.ts";
import { announceEngine } from "../../cli/start-engine.ts";
import { openTrainingBatches, openTrainingPairs, type TrainingDataOptions } from "../../config/batches.ts";
import { describeChange, type ChangedSetting } from "../../config/changed-settings.ts";
import { formatConfig } from "../../config/load-config.ts";
import { openRunModel, type RunModel } from "../../config/model.ts";
import type { RunOptions, TeacherOptions } from "../../config/options.ts";
import type { OpenShards } from "../../config/open-shards.ts";
import { kindOf } from "../../config/sources.ts";
import { clipTraining, type ClipTrainingOptions, type RunTrainingOptions } from "../../config/training-options.ts";
import { readStoredSlots } from "./checkpoint-contents.ts";
import { createEarlyStopping, type BestSoFar } from "./early-stopping.ts";
import { evaluatedNames, openEvaluation, type Evaluator } from "./evaluation.ts";
import { createProver } from "./prove.ts";
import { findWholeCheckpoint, type CheckpointParts } from "./run-checkpoints.ts";
import { checkStoredIdentity, identifyRun } from "./run-identity.ts";
import { openTeacher, type Teacher } from "./teacher.ts";

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
async function runArrays(batch: Batch, shared: readonly string[], teacher: Teacher | undefined): Promise<HostArrays> {
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
  const teacher = open.teacher && (await openTeacher(open.teacher, model.description, open.compiler));
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

/**
 * Drops what a killed run reported after its last checkpoint, so that a resumed run's metrics hold
 * every step once.
 */
async function forgetStepsFrom(step: number, metricsFile: string): Promise<void> {
  if (!existsSync(metricsFile)) return;
  const lines = (await readFile(metricsFile, "utf8")).split("\n");
  const kept = lines.filter((line) => {
    try {
      return (JSON.parse(line) as { step: number }).step < step;
    } catch {
      return false; // empty, or cut off by the kill
    }
  });
  await writeFileWhole(metricsFile, kept.map((line) => `${line}\n`).join(""));
}

/** What a training may be given. */
export interface TrainingOptions {
  /** Goes on from the run's last checkpoint. */
  readonly resume?: boolean;
  /** One that runs already. */
  readonly engine?: StartedEngine;
  /** What the run trains on, where it is open already. */
  readonly source?: PairSource;
  /** Called when a run that took steps ends, however it does: for a page of it. */
  readonly onEnd?: ((run: string) => Promise<void>) | undefined;
}

/** A run that is ready for its next step. */
export interface OpenedTraining extends CheckpointParts {
  readonly batches: BatchStream;
  readonly evaluator: Evaluator | undefined;
  /** What computes. */
  readonly engine: StartedEngine;
}

function announce(options: RunOptions, description: ModelDescription, batches: BatchStream): void {
  const size = countParams(clipSpec(description.config));
  const { run, steps, model, data } = options;
  const { preset, from = model.config } = model;
  process.stderr.write(
    `model   ${preset ?? from}: ${(size / 1e6).toFixed(1)} M parameters, ` +
      `${shownSize(description.config.vision.imageSize)} px, ${description.config.text.contextLength} tokens\n` +
      `data    ${kindOf(data.train)}: ${batches.stepsPerEpoch} batches an epoch, ` +
      `${steps} steps\nrun     ${run}\n`,
  );
}

/** Writes the settings that the run goes by, and which of them changed at which step. */
async function recordSettings(
  { run, settings }: RunOptions,
  changes: readonly ChangedSetting[],
  step: number,
): Promise<void> {
  await writeFileWhole(join(run, "config.yaml"), formatConfig(settings));
  if (changes.length === 0) return;
  const lines = changes.map((change) => `${JSON.stringify({ step, ...change })}\n`);
  await appendFile(join(run, "config-changes.jsonl"), lines.join(""));
  for (const change of changes) note(`changed ${describeChange(change)} (from step ${step})`);
}

/** The pairs that a run trains on; undefined for a file of tensors. */
async function openPairs(
  options: TrainingDataOptions,
  given: PairSource | undefined,
): Promise<PairSource | OpenShards | undefined> {
  const { train } = options;
  if (train.kind === "tensors") return undefined;
  return given ?? openTrainingPairs({ ...options, train });
}

/**
 * Opens a run, from scratch or from its last whole checkpoint: engine, model, data, training; records its
 * settings. The caller closes batches, training and evaluator.
 * @param changes Which settings are others than those that the run recorded.
 */
export async function openTraining(
  options: RunOptions,
  changes: readonly ChangedSetting[],
  { resume = false, engine: running, source: given }: TrainingOptions,
): Promise<OpenedTraining> {
  const { run } = options;
  const from = resume ? await findWholeCheckpoint(run) : undefined;
  const engine = running ?? (await startEngine(options.engine.name, options.engine));
  if (running === undefined) announceEngine(engine);
  await fetchModels(options.storedModels);
  const model = await openRunModel(options.model);
  const { description } = model;
  const source = await openPairs(options.data, given);
  const identity = await identifyRun(options.identity, source);
  if (from !== undefined) await checkStoredIdentity(run, from, identity);
  const { compiler } = engine;
  const evaluator = await openEvaluation(options.evaluation, description, compiler);
  const opened = await startTraining(options.training, model, {
    checkpoint: from,
    compiler,
    teacher: options.teacher,
  });
  const { active, cursor, best } = opened;
  const early = createEarlyStopping(options.earlyStopping, evaluatedNames(options.evaluation), best);
  const batches = await openTrainingBatches(options.data, description, { restore: cursor, source });
  await recordSettings(options, changes, active.steps());
  await forgetStepsFrom(active.steps(), options.progress.metricsFile);
  announce(options, description, batches);
  for (const line of model.notes) note(`note    ${line}`);
  const prove = createProver(description, engine, options.engine);
  return { description, active, batches, early, identity, prove, from, evaluator, engine };
}
