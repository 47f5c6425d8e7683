import { ClipError } from "@clip-ts/base";
import type { Batch, BatchStream } from "@clip-ts/data";
import { listCheckpoints, lockRun, type RunLock } from "@clip-ts/node";
import { train, type StepNumbers, type TakenStep } from "@clip-ts/training";
import { note } from "../cli/output.ts";
import { noteLeftOut } from "../commands/support/left-out.ts";
import { changedSettings } from "../config/changed-settings.ts";
import type { RunOptions } from "../config/run-options.ts";
import { writeTrainingReport } from "../report/write-training-report.ts";
import { earlyStopOf, type EarlyStop, type EarlyStopping } from "./early-stopping.ts";
import type { Evaluator } from "./evaluation.ts";
import { watchInterruption } from "./interruption.ts";
import { openTraining, type OpenedTraining, type TrainingOptions } from "./open-training.ts";
import { createProgress } from "./progress.ts";
import { createRunCheckpoints, isDivergence } from "./run-checkpoints.ts";
import { createEvaluating } from "./run-evaluation.ts";
import { stepReport } from "./step-report.ts";

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
  lock: RunLock,
): Promise<TrainingResult> {
  const { run, steps } = options;
  const { session, batches, early, evaluator } = opened;
  const progress = createProgress(options.progress);
  const interruption = watchInterruption();
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
    await train({ steps, training: session, batches, saving, report, shouldStop, evaluate });
    await checkpoints.finish();
    const end = endOf(options, early, session.steps(), interruption.requested());
    return { ...end, checkpoint: checkpoints.newest() };
  } catch (error) {
    throw isDivergence(error) ? await checkpoints.afterDivergence(error) : error;
  } finally {
    interruption.release();
    await progress.finish();
    await batches.close();
    session.dispose();
    evaluator?.dispose();
    if (session.steps() > 0) await drawReport(run);
    noteAllLeftOut(batches, evaluator);
  }
}

/**
 * Trains as the options say, from scratch or from the run's last whole checkpoint; then the run's recorded
 * settings hold, but for those that may change.
 * @throws ClipError "bad-config" for other settings, data or models than a run to go on with began with.
 */
export async function runTraining(
  options: RunOptions,
  start: TrainingOptions = {},
): Promise<TrainingResult> {
  const { resume = false } = start;
  const { run, settings } = options;
  const lock = await lockRun(run);
  try {
    if (!resume) await refuseToOverwrite(run);
    const changes = resume ? await changedSettings(run, settings) : [];
    return await trainOpened(options, await openTraining(options, changes, start), lock);
  } finally {
    await lock.release();
  }
}
