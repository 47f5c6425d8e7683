import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { Batch, BatchStream } from "@clip-ts/data";
import type { ModelDescription } from "@clip-ts/inference";
import { listCheckpoints, lockRun, writeModel, type RunLock } from "@clip-ts/node";
import { train, type Evaluating, type StepNumbers, type TakenStep } from "@clip-ts/training";
import { watchInterruption } from "../../cli/interruption.ts";
import { changedSettings } from "../../config/changed-settings.ts";
import { noteLeftOut } from "../shared/left-out.ts";
import { recordBegin, recordEnd, recordFailure } from "../shared/run-history.ts";
import { noteWait } from "./data-wait.ts";
import { earlyStopOf, type EarlyStop, type EarlyStopping } from "./early-stopping.ts";
import type { Evaluator } from "./evaluation.ts";
import { openTraining, type ActiveTraining, type OpenedTraining, type TrainingOptions } from "./start-training.ts";
import type { WriteProof } from "./prove.ts";
import { createProgress, stepReport, type Progress } from "./progress.ts";
import { createRunCheckpoints, isDivergence } from "./run-checkpoints.ts";
import type { RunOptions } from "../../config/options.ts";

/** Keeps a run's best model so far in `best`, whole at any moment. Borrows the leaves. */
async function keepBestModel(
  run: string,
  { description, prove }: Pick<RunEvaluation, "description" | "prove">,
  leaves: HostArrays,
): Promise<void> {
  const folder = join(run, "best");
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await writeModel(partial, description, leaves);
  await prove(partial, leaves);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
}

/** What evaluating a run takes. */
export interface RunEvaluation {
  /** Folder of the run, which gets its best model. */
  readonly run: string;
  readonly description: ModelDescription;
  readonly prove: WriteProof;
  readonly active: ActiveTraining;
  readonly evaluator: Evaluator | undefined;
  readonly early: EarlyStopping | undefined;
  readonly progress: Pick<Progress, "evaluated">;
}

/** Evaluates the training's models, notes what was found, keeps the best model, and says whether to go on. */
function createEvaluating(parts: RunEvaluation): Evaluating | undefined {
  const { run: folder, active, evaluator, early, progress } = parts;
  if (evaluator === undefined) return undefined;
  const run = (): Promise<boolean> =>
    active.evaluate(async (models) => {
      const evaluation = await evaluator.evaluate(models);
      const step = active.steps() - 1;
      progress.evaluated(step, evaluation);
      const verdict = early?.judge(evaluation, step);
      const isOfEma = early?.metric.startsWith("ema.") === true;
      const judged = isOfEma ? models.ema : models.model;
      if (verdict?.isBest && judged !== undefined) {
        await keepBestModel(folder, parts, judged);
      }
      return verdict?.shouldStop === true;
    });
  return { every: evaluator.every, run };
}

/** How a run ended. */
export interface TrainingResult {
  readonly step: number;
  readonly interrupted: boolean;
  /** What ended it before its last step, if early stopping did. */
  readonly stoppedEarly?: EarlyStop;
  /** The checkpoint folder to go on with or to use. */
  readonly checkpoint: string;
}

/** Refuses to begin a run where there is one. */
async function refuseToOverwrite(run: string): Promise<void> {
  const name = (await listCheckpoints(run)).at(-1);
  if (name === undefined) return;
  throw new ClipError(
    "bad-argument",
    `${run} already holds a run (${name}). Pass --resume to go on with it, or set another "run" folder.`,
  );
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
  options: RunOptions,
  early: EarlyStopping | undefined,
  step: number,
  isAsked: boolean,
): Omit<TrainingResult, "checkpoint"> {
  const stoppedEarly = earlyStopOf(options, early, step);
  if (stoppedEarly !== undefined) return { step, interrupted: false, stoppedEarly };
  return { step, interrupted: isAsked && step < options.steps };
}

/** The loop of an opened run, its metrics and checkpoints. */
async function trainOpened(
  options: RunOptions,
  opened: OpenedTraining,
  { lock, onEnd }: Pick<TrainingOptions, "onEnd"> & { readonly lock: RunLock },
): Promise<TrainingResult> {
  const { run, steps } = options;
  const { active, batches, early, evaluator } = opened;
  const progress = createProgress(options.progress);
  const interruption = watchInterruption("Stopping after this step and saving");
  const checkpoints = createRunCheckpoints(options.checkpoints, opened);
  const report = async (taken: TakenStep<Batch, StepNumbers>): Promise<void> => {
    const step = stepReport(taken);
    lock.touch();
    progress.report(step);
    await checkpoints.took(step.step, step.loss);
  };
  try {
    const shouldStop = (): boolean => interruption.requested() || early?.isOver() === true;
    const evaluate = createEvaluating({ ...opened, run, progress });
    const saving = { every: options.checkpoints.every, save: checkpoints.save };
    await train({ steps, training: active, batches, saving, report, shouldStop, evaluate });
    await checkpoints.finish();
    const end = endOf(options, early, active.steps(), interruption.requested());
    return { ...end, checkpoint: checkpoints.newest() };
  } catch (error) {
    throw isDivergence(error) ? await checkpoints.afterDivergence(error) : error;
  } finally {
    interruption.release();
    await progress.finish();
    noteWait(progress.waited(), options.data);
    await batches.close();
    active.dispose();
    evaluator?.dispose();
    if (active.steps() > 0) await onEnd?.(run);
    noteAllLeftOut(batches, evaluator);
  }
}

/** Records beginning and end of what trains a run. */
async function recorded(
  run: string,
  { active, engine }: Pick<OpenedTraining, "active" | "engine">,
  trains: () => Promise<TrainingResult>,
): Promise<TrainingResult> {
  await recordBegin(run, active.steps(), engine.name);
  try {
    const result = await trains();
    const how = result.interrupted ? "interrupted" : result.stoppedEarly === undefined ? "done" : "stopped early";
    await recordEnd(run, result.step, how);
    return result;
  } catch (error) {
    await recordFailure(run, active.steps(), error);
    throw error;
  }
}

/**
 * Trains as the options say, from scratch or from the run's last whole checkpoint; then the run's recorded
 * settings hold, but for those that may change.
 * @throws ClipError "bad-config" for other settings, data or models than a run to go on with began with.
 */
export async function runTraining(options: RunOptions, start: TrainingOptions = {}): Promise<TrainingResult> {
  const { resume = false, onEnd } = start;
  const { run, settings, sources } = options;
  const lock = await lockRun(run);
  try {
    if (!resume) await refuseToOverwrite(run);
    const changes = resume ? await changedSettings(run, settings, sources) : [];
    const opened = await openTraining(options, changes, start);
    return await recorded(run, opened, () => trainOpened(options, opened, { lock, onEnd }));
  } finally {
    await lock.release();
  }
}
