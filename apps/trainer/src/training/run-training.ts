import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { flattenTree } from "@clip-ts/core";
import type { BatchStream, PairSource } from "@clip-ts/data";
import { clipSpec } from "@clip-ts/model";
import {
  listCheckpoints,
  saveCheckpoint,
  startEngine,
  type ModelDescription,
  type StartedEngine,
} from "@clip-ts/node";
import { announceEngine } from "../cli/announce-engine.ts";
import { fetchModels } from "../cli/fetch-models.ts";
import { note } from "../cli/output.ts";
import { noteLeftOut } from "../commands/support/left-out.ts";
import { openTrainingBatches } from "../config/batches.ts";
import { writeTrainingReport } from "../report/write-training-report.ts";
import { formatConfig } from "../config/load-config.ts";
import { openRunModel } from "../config/model.ts";
import type { RunConfig } from "../config/schema.ts";
import { checkpointContents, withModels } from "./checkpoint-contents.ts";
import {
  createEarlyStopping,
  earlyStopOf,
  type EarlyStop,
  type EarlyStopping,
} from "./early-stopping.ts";
import { openEvaluation, type Evaluator } from "./evaluation.ts";
import { watchInterruption } from "./interruption.ts";
import { forgetStepsFrom } from "./metrics-file.ts";
import { createProgress } from "./progress.ts";
import { openSession } from "./open-session.ts";
import { createEvaluating } from "./run-evaluation.ts";
import { train } from "./train.ts";

/** How a run ended. */
export interface TrainingResult {
  readonly step: number;
  readonly interrupted: boolean;
  /** What ended it before its last step, if early stopping did. */
  readonly stoppedEarly?: EarlyStop;
  /** The checkpoint folder to go on with or to use. */
  readonly checkpoint: string;
}

async function refuseToOverwrite(run: string, resume: boolean): Promise<string | undefined> {
  const name = (await listCheckpoints(run)).at(-1);
  if (name === undefined && resume) {
    throw new ClipError("not-found", `There is nothing to resume: ${run} has no checkpoint yet.`);
  }
  if (name !== undefined && !resume) {
    throw new ClipError(
      "bad-argument",
      `${run} already holds a run (${name}). Pass --resume to go on with it, or set another "run" folder.`,
    );
  }
  return name === undefined ? undefined : join(run, "checkpoints", name);
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

/** Makes the run folder and writes the resolved config into it. */
async function prepareFolder(config: RunConfig, isResumed: boolean): Promise<string> {
  await mkdir(config.run, { recursive: true });
  const stored = join(config.run, "config.yaml");
  if (!isResumed || !existsSync(stored)) await writeFile(stored, formatConfig(config));
  return join(config.run, "metrics.jsonl");
}

/** The stored models that a run starts from or learns from. */
const modelsOf = ({ model, distill }: RunConfig): string[] =>
  [model.from, model.config, model.vision, model.text, model.tokenizer, distill?.from].filter(
    (place) => place !== undefined,
  );

/** Draws the run's page; that it cannot be drawn ends no training. */
async function drawReport(run: string): Promise<void> {
  try {
    note(`report  ${await writeTrainingReport(run)}`);
  } catch (error) {
    note(`The report cannot be drawn: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Says what training and evaluation left out. */
function noteAllLeftOut(batches: BatchStream, evaluator: Evaluator | undefined): void {
  noteLeftOut(batches.leftOut(), "left out of training");
  for (const { what, leftOut } of evaluator?.leftOut() ?? []) {
    noteLeftOut(leftOut, `left out of ${what}`);
  }
}

/** How a run ended after so many steps, asked to or by itself. */
function endOf(
  config: RunConfig,
  early: EarlyStopping | undefined,
  step: number,
  isAsked: boolean,
): Omit<TrainingResult, "checkpoint"> {
  const stoppedEarly = earlyStopOf(config, early, step);
  if (stoppedEarly !== undefined) return { step, interrupted: false, stoppedEarly };
  return { step, interrupted: isAsked && step < config.steps };
}

/** What a training may be given. */
export interface TrainingOptions {
  /** Goes on from the run's last checkpoint. */
  readonly resume?: boolean;
  /** One that runs already. */
  readonly engine?: StartedEngine;
  /** The config's source of pairs, where it is open already. */
  readonly source?: PairSource;
}

/** Trains as the config says, from scratch or from the run's last checkpoint. */
export async function runTraining(
  config: RunConfig,
  options: TrainingOptions = {},
): Promise<TrainingResult> {
  const isResumed = options.resume === true;
  const checkpoint = await refuseToOverwrite(config.run, isResumed);
  const engine = options.engine ?? (await startEngine(config.engine, config));
  if (options.engine === undefined) announceEngine(engine);
  await fetchModels(modelsOf(config));
  const model = await openRunModel(config);
  const { description } = model;
  const { compiler } = engine;
  const evaluator = await openEvaluation(config, description, compiler);
  const opened = await openSession(config, model, { checkpoint, compiler });
  const { session, plan, cursor } = opened;
  const early = createEarlyStopping(config, opened.best);
  const batches = await openTrainingBatches(config, description, {
    restore: cursor,
    source: options.source,
  });
  const metricsFile = await prepareFolder(config, isResumed);
  await forgetStepsFrom(session.steps(), metricsFile);
  announce(config, description, batches);
  for (const line of model.notes) note(`note    ${line}`);

  const eventFolder = config.tensorboard ? config.run : undefined;
  const progress = createProgress({ ...config, metricsFile, eventFolder });
  const interruption = watchInterruption();
  let saved = checkpoint ?? "";
  const save = (): Promise<void> =>
    session.withContents((contents) =>
      withModels(plan, contents, async (models) => {
        const best = early?.best();
        const state = { seed: config.seed, cursor: batches.cursor(), ...(best && { best }) };
        const content = checkpointContents(plan, contents, { models, description });
        const checkpoint = { ...content, step: session.steps(), state };
        saved = await saveCheckpoint(config.run, description, checkpoint, config.checkpoint.keep);
      }),
    );
  try {
    const { steps, checkpoint: policy } = config;
    const { report } = progress;
    const shouldStop = (): boolean => interruption.requested() || early?.isOver() === true;
    const parts = { config, description, plan, session, evaluator, early, progress };
    const evaluating = createEvaluating(parts);
    const saving = { saveEvery: policy.every, save };
    await train({ steps, ...saving, batches, session, report, shouldStop, evaluate: evaluating });
    const isAsked = interruption.requested();
    return { ...endOf(config, early, session.steps(), isAsked), checkpoint: saved };
  } finally {
    interruption.release();
    await progress.finish();
    await batches.close();
    session.dispose();
    evaluator?.dispose();
    if (session.steps() > 0) await drawReport(config.run);
    noteAllLeftOut(batches, evaluator);
  }
}
