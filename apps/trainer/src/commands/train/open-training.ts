import { existsSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { countParams } from "@clip-ts/core";
import type { BatchStream, PairSource } from "@clip-ts/data";
import { startEngine, type StartedEngine } from "@clip-ts/engines";
import { writeFileWhole } from "@clip-ts/files";
import type { ModelDescription } from "@clip-ts/inference";
import { clipSpec } from "@clip-ts/model";
import { fetchModels } from "../../cli/fetch-models.ts";
import { note } from "../../cli/output.ts";
import { announceEngine } from "../../cli/start-engine.ts";
import { openTrainingBatches, type TrainingDataOptions } from "../../config/batches.ts";
import { describeChange, type ChangedSetting } from "../../config/changed-settings.ts";
import { formatConfig } from "../../config/load-config.ts";
import { openRunModel } from "../../config/model.ts";
import { kindOf, openSource } from "../../config/sources.ts";
import { createEarlyStopping } from "./early-stopping.ts";
import { evaluatedNames, openEvaluation, type Evaluator } from "./evaluation.ts";
import { startTraining } from "./start-training.ts";
import { findWholeCheckpoint, type CheckpointParts } from "./run-checkpoints.ts";
import { checkStoredIdentity, identifyRun } from "./run-identity.ts";
import type { RunOptions } from "../../config/options.ts";

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
}

function announce(options: RunOptions, description: ModelDescription, batches: BatchStream): void {
  const size = countParams(clipSpec(description.config));
  const { run, steps, model, data } = options;
  const { preset, from = model.config } = model;
  process.stderr.write(
    `model   ${preset ?? from}: ${(size / 1e6).toFixed(1)} M parameters, ` +
      `${description.config.vision.imageSize} px, ${description.config.text.contextLength} tokens\n` +
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
function openPairs(
  { train, seed, maxSkipped }: TrainingDataOptions,
  given: PairSource | undefined,
): Promise<PairSource> | undefined {
  if (train.kind === "tensors") return undefined;
  return given === undefined ? openSource(train, seed, maxSkipped) : Promise.resolve(given);
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
  const early = createEarlyStopping(
    options.earlyStopping,
    evaluatedNames(options.evaluation),
    best,
  );
  const batches = await openTrainingBatches(options.data, description, { restore: cursor, source });
  await recordSettings(options, changes, active.steps());
  await forgetStepsFrom(active.steps(), options.progress.metricsFile);
  announce(options, description, batches);
  for (const line of model.notes) note(`note    ${line}`);
  return { description, active, batches, early, identity, from, evaluator };
}
