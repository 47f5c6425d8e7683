import { existsSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, isClipError, shownSize } from "@clip-ts/base";
import { countParams } from "@clip-ts/core";
import type { BatchStream, PairSource } from "@clip-ts/data";
import { checkDrift, singleProcess, type Communicator } from "@clip-ts/distributed";
import { startEngine, type StartedEngine } from "@clip-ts/engines";
import { writeFileWhole } from "@clip-ts/files";
import type { ModelDescription } from "@clip-ts/inference";
import { clipSpec } from "@clip-ts/model";
import { fetchModels } from "../../cli/fetch-models.ts";
import { note, say } from "../../cli/output.ts";
import { announceEngine } from "../../cli/start-engine.ts";
import { quoteWord } from "../../cli/text.ts";
import {
  countPairs,
  globalBatchOf,
  openTrainingBatches,
  openTrainingPairs,
  type TrainingDataOptions,
} from "../../config/batches.ts";
import { describeChange, type ChangedSetting } from "../../config/changed-settings.ts";
import { formatConfig } from "../../config/load-config.ts";
import { openRunModel, type RunModel } from "../../config/model.ts";
import type { RunOptions } from "../../config/options.ts";
import type { OpenShards } from "../../config/open-shards.ts";
import { kindOf } from "../../config/sources.ts";
import { bindingAdvice, ownProcessors } from "../../distributed/join.ts";
import { createTogether, type Together } from "../../distributed/together.ts";
import { createEarlyStopping } from "./early-stopping.ts";
import { evaluatedNames, openEvaluation, type Evaluator } from "./evaluation.ts";
import { createProver } from "./prove.ts";
import { findWholeCheckpoint, type CheckpointParts } from "./run-checkpoints.ts";
import { checkStoredIdentity, identifyRun } from "./run-identity.ts";
import { startTraining } from "./start-training.ts";

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
  /** Those who train together; this process alone by default. */
  readonly ranks?: Communicator;
  /** Called when a run that took steps ends, however it does: for a page of it. */
  readonly onEnd?: ((run: string) => Promise<void>) | undefined;
}

/** A run that is ready for its next step. */
export interface OpenedTraining extends CheckpointParts {
  readonly batches: BatchStream;
  readonly evaluator: Evaluator | undefined;
  /** What computes. */
  readonly engine: StartedEngine;
  readonly together: Together;
}

/** What each rank does of a step, and how fast the model learns from all of it. */
function announceRanks({ run, data, training }: RunOptions, { ranks }: Together): void {
  const { size, library } = ranks;
  const { train, accumulate } = data;
  const { learningRate } = training.schedule;
  const all = globalBatchOf(data);
  const parts = accumulate === 1 ? "" : ` in ${accumulate} micro-batches`;
  const pairs = train.kind === "tensors" ? `1/${size} of each stored batch` : `${all / size} of ${all} pairs a step`;
  note(`ranks   ${size}, ${library}: each has ${pairs}${parts}; learning rate ${learningRate}`);
  const advice = bindingAdvice(ranks);
  if (advice !== undefined) note(`        ${advice}`);
  note(`        Where one is lost, all end. On any number of ranks: clip-ts train --resume ${quoteWord(run)}`);
}

function announce(options: RunOptions, description: ModelDescription, batches: BatchStream): void {
  const size = countParams(clipSpec(description.config));
  const { run, steps, model, data } = options;
  const { preset, from = model.config } = model;
  say(
    `model   ${preset ?? from}: ${(size / 1e6).toFixed(1)} M parameters, ` +
      `${shownSize(description.config.vision.imageSize)} px, ${description.config.text.contextLength} tokens\n` +
      `data    ${kindOf(data.train)}: ${batches.stepsPerEpoch} batches an epoch, ` +
      `${steps} steps\nrun     ${run}\n`,
  );
}

/** Writes the settings that the run goes by, and which of them changed at which step. */
async function recordSettings(
  { run, settings }: RunOptions,
  { unused }: RunModel,
  changes: readonly ChangedSetting[],
  step: number,
): Promise<void> {
  const remarks = unused.map((line) => `# ${line}\n`).join("");
  await writeFileWhole(join(run, "config.yaml"), `${remarks}${formatConfig(settings)}`);
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

/** The engine that the run asks for; says which it is. */
async function startOwnEngine({ engine: { name, ...options } }: RunOptions): Promise<StartedEngine> {
  const engine = await startEngine(name, options);
  announceEngine(engine);
  return engine;
}

/** Writes the settings, and drops what comes after the step that the run goes on from. */
async function beginRecords(
  options: RunOptions,
  model: RunModel,
  changes: readonly ChangedSetting[],
  step: number,
): Promise<void> {
  await recordSettings(options, model, changes, step);
  await forgetStepsFrom(step, options.progress.metricsFile);
}

/** The checkpoint that a run goes on from, which rank 0 alone needs to see; undefined from scratch. */
async function findStart(run: string, resume: boolean, { rank }: Communicator): Promise<string | undefined> {
  return resume && rank === 0 ? findWholeCheckpoint(run) : undefined;
}

/** Makes sure that a checkpoint was made with the same data, models and pairs of a step. */
async function checkStart(
  { run, data }: RunOptions,
  from: string | undefined,
  identity: CheckpointParts["identity"],
): Promise<void> {
  if (from !== undefined) await checkStoredIdentity(run, from, { identity, globalBatch: globalBatchOf(data) });
}

/** Downloads what the run reads, one rank of each machine for all of them. */
async function fetchOnce(ranks: Communicator, models: readonly string[]): Promise<void> {
  if (ranks.localRank === 0) await fetchModels(models);
  await ranks.barrier();
  if (ranks.localRank !== 0) await fetchModels(models);
}

/** The run with what each rank may use of its machine. */
function onOwnProcessors(options: RunOptions, ranks: Communicator): RunOptions {
  if (ranks.size === 1) return options;
  const processors = ownProcessors(ranks);
  const { engine, data } = options;
  const { workers = Math.max(1, processors - 1), ...loading } = data.loading ?? {};
  return {
    ...options,
    engine: { ...engine, threads: engine.threads ?? processors },
    data: { ...data, loading: { ...loading, workers } },
  };
}

/** What a run reads, the same on all ranks. */
async function openData(options: RunOptions, ranks: Communicator, given: PairSource | undefined) {
  const source = await openPairs(options.data, given);
  const identity = await identifyRun(options.identity, source);
  const { maxSkipped } = options.data;
  const limit = source && { label: source.label, total: countPairs(source), maxSkipped };
  const together = createTogether(ranks, limit);
  const remedy = "Start all of them with one config, and with the same data and models under the same names.";
  await together.checkSame("The run's settings", JSON.stringify(options.settings), remedy);
  await together.checkSame("The run's data or models", JSON.stringify(withoutTimes(identity)), remedy);
  return { source, identity, together };
}

/** Shards have other times on other machines. */
function withoutTimes({ data: { count, sha256 }, models }: CheckpointParts["identity"]): object {
  return { data: { count, sha256 }, models };
}

/**
 * Opens a run, from scratch or from its last whole checkpoint: engine, model, data, training; rank 0 records its
 * settings. The caller closes batches, training and evaluator.
 * @param changes Which settings are others than those that the run recorded.
 */
export async function openTraining(
  given: RunOptions,
  changes: readonly ChangedSetting[],
  { resume = false, engine: running, source: open, ranks = singleProcess() }: TrainingOptions,
): Promise<OpenedTraining> {
  const { run } = given;
  const options = onOwnProcessors(given, ranks);
  const from = await findStart(run, resume, ranks);
  const engine = running ?? (await startOwnEngine(options));
  await fetchOnce(ranks, options.storedModels);
  const model = await openRunModel(options.model);
  const { description } = model;
  const { source, identity, together } = await openData(options, ranks, open);
  await together.checkSame("The engine", engine.name, 'Name one that all machines have: "engine".');
  await checkStart(options, from, identity);
  const { compiler } = engine;
  const evaluator = await openEvaluation(options.evaluation, description, { compiler, ranks });
  const { teacher } = options;
  const start = { checkpoint: from, resumes: resume, compiler, teacher, ranks, numbers: together.numbers };
  const { active, cursor, best } = await startTraining(options.training, model, start);
  await checkWeights(together, active);
  const early = createEarlyStopping(options.earlyStopping, evaluatedNames(options.evaluation), best);
  const shared = together.isShared && { part: { index: ranks.rank, of: ranks.size }, onSkip: together.skips.found };
  const batches = await openTrainingBatches(options.data, description, { restore: cursor, source, ...shared });
  if (together.isFirst) await beginRecords(options, model, changes, active.steps());
  announce(options, description, batches);
  if (together.isShared) announceRanks(options, together);
  for (const line of [...model.notes, ...model.unused]) note(`note    ${line}`);
  const prove = createProver(description, engine, options.engine);
  return { description, active, batches, early, identity, prove, from, evaluator, engine, together };
}

/**
 * Makes sure that all ranks have the same weights: they make the same updates of them, or the run means nothing.
 * @throws ClipError "bad-weights" on all that names a leaf and who differs.
 */
export async function checkWeights(
  { ranks, isShared }: Together,
  { read, steps }: Pick<CheckpointParts["active"], "read" | "steps">,
): Promise<void> {
  if (!isShared) return;
  const { params } = await read();
  try {
    await checkDrift(ranks, params);
  } catch (cause) {
    if (!isClipError(cause)) throw cause;
    const message = `After ${steps()} steps: ${cause.message}`;
    throw new ClipError("bad-weights", message, { data: cause.data, cause }); // no rate of learning helps
  }
}
