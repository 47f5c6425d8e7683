import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import type { BatchStream, PairSource } from "@clip-ts/data";
import { clipSpec } from "@clip-ts/model";
import {
  startEngine,
  writeFileWhole,
  type ModelDescription,
  type StartedEngine,
} from "@clip-ts/node";
import { announceEngine } from "../cli/announce-engine.ts";
import { fetchModels } from "../cli/fetch-models.ts";
import { note } from "../cli/output.ts";
import { openTrainingBatches } from "../config/batches.ts";
import { formatConfig } from "../config/load-config.ts";
import { openRunModel } from "../config/model.ts";
import { describeChange, type ResumedConfig } from "../config/resumed-config.ts";
import type { RunConfig } from "../config/schema.ts";
import { openSource } from "../config/sources.ts";
import { createEarlyStopping } from "./early-stopping.ts";
import { openEvaluation, type Evaluator } from "./evaluation.ts";
import { forgetStepsFrom } from "./metrics-file.ts";
import { openSession } from "./open-session.ts";
import { findWholeCheckpoint, type CheckpointParts } from "./run-checkpoints.ts";
import { checkStoredIdentity, identifyRun } from "./run-identity.ts";

/** What a training may be given. */
export interface TrainingOptions {
  /** Goes on from the run's last checkpoint. */
  readonly resume?: boolean;
  /** One that runs already. */
  readonly engine?: StartedEngine;
  /** The config's source of pairs, where it is open already. */
  readonly source?: PairSource;
}

/** A run that is ready for its next step. */
export interface OpenedTraining extends CheckpointParts {
  readonly batches: BatchStream;
  readonly evaluator: Evaluator | undefined;
  readonly metricsFile: string;
}

function announce(config: RunConfig, description: ModelDescription, batches: BatchStream): void {
  const leaves = Object.values(flattenTree<{ shape: number[] }>(clipSpec(description.config)));
  const size = leaves.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const { preset, from = config.model.config } = config.model;
  process.stderr.write(
    `model   ${preset ?? from}: ${(size / 1e6).toFixed(1)} M parameters, ` +
      `${description.config.vision.imageSize} px, ${description.config.text.contextLength} tokens\n` +
      `data    ${config.data.train.kind}: ${batches.stepsPerEpoch} batches an epoch, ` +
      `${config.steps} steps\nrun     ${config.run}\n`,
  );
}

/** Writes the config that the run goes by, and which settings changed at which step. */
async function recordConfig({ config, changes }: ResumedConfig, step: number): Promise<void> {
  await writeFileWhole(join(config.run, "config.yaml"), formatConfig(config));
  if (changes.length === 0) return;
  const lines = changes.map((change) => `${JSON.stringify({ step, ...change })}\n`);
  await appendFile(join(config.run, "config-changes.jsonl"), lines.join(""));
  for (const change of changes) note(`changed ${describeChange(change)} (from step ${step})`);
}

/** The stored models that a run starts from or learns from. */
const modelsOf = ({ model, distill }: RunConfig): string[] =>
  [model.from, model.config, model.vision, model.text, model.tokenizer, distill?.from].filter(
    (place) => place !== undefined,
  );

/** The pairs that a run trains on; undefined for a file of tensors. */
function openPairs(
  config: RunConfig,
  given: PairSource | undefined,
): Promise<PairSource> | undefined {
  const { train, maxSkipped } = config.data;
  if (train.kind === "tensors") return undefined;
  return given === undefined ? openSource(train, config.seed, maxSkipped) : Promise.resolve(given);
}

/**
 * Opens a run, from scratch or from its last whole checkpoint: engine, model, data, session; records its
 * config. The caller closes batches, session and evaluator.
 */
export async function openTraining(
  settled: ResumedConfig,
  options: TrainingOptions,
): Promise<OpenedTraining> {
  const { config } = settled;
  const from = options.resume === true ? await findWholeCheckpoint(config.run) : undefined;
  const engine = options.engine ?? (await startEngine(config.engine, config));
  if (options.engine === undefined) announceEngine(engine);
  await fetchModels(modelsOf(config));
  const model = await openRunModel(config);
  const { description } = model;
  const source = await openPairs(config, options.source);
  const identity = await identifyRun(config, source);
  if (from !== undefined) await checkStoredIdentity(config.run, from, identity);
  const { compiler } = engine;
  const evaluator = await openEvaluation(config, description, compiler);
  const opened = await openSession(config, model, { checkpoint: from, compiler });
  const { session, plan, cursor } = opened;
  const early = createEarlyStopping(config, opened.best);
  const batches = await openTrainingBatches(config, description, { restore: cursor, source });
  await recordConfig(settled, session.steps());
  const metricsFile = join(config.run, "metrics.jsonl");
  await forgetStepsFrom(session.steps(), metricsFile);
  announce(config, description, batches);
  for (const line of model.notes) note(`note    ${line}`);
  const parts = { config, description, plan, session, batches, early, identity, from };
  return { ...parts, evaluator, metricsFile };
}
