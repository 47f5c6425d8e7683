import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { joinLeftOut, type Batch } from "@clip-ts/data";
import type { Communicator } from "@clip-ts/distributed";
import type { ModelDescription } from "@clip-ts/inference";
import { listCheckpoints, lockRun, writeModel, type RunLock } from "@clip-ts/node";
import { train, type Evaluating, type StepNumbers, type TakenStep } from "@clip-ts/training";
import { watchInterruption } from "../../cli/interruption.ts";
import { changedSettings } from "../../config/changed-settings.ts";
import { noteLeftOut } from "../shared/left-out.ts";
import { recordBegin, recordEnd, recordFailure } from "../shared/run-history.ts";
import { noteWait } from "./data-wait.ts";
import { earlyStopOf, type EarlyStop, type EarlyStopping } from "./early-stopping.ts";
import type { Evaluation, Evaluator } from "./evaluation.ts";
import { checkWeights, openTraining, type OpenedTraining, type TrainingOptions } from "./open-training.ts";
import type { ActiveTraining } from "./start-training.ts";
import type { WriteProof } from "./prove.ts";
import { createProgress, silentProgress, stepReport, type Progress } from "./progress.ts";
import { createRunCheckpoints, isDivergence, noCheckpoints, type RunCheckpoints } from "./run-checkpoints.ts";
import type { RunOptions } from "../../config/options.ts";
import { broadcastNumbers } from "../../distributed/messages.ts";
import type { Together } from "../../distributed/together.ts";

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
  readonly together: Pick<Together, "ranks" | "isFirst">;
}

/** An evaluation as rank 0 made it: all go by one, whatever their processors make of its last bits. */
async function ofFirst(ranks: Communicator, own: Evaluation): Promise<Evaluation> {
  const names = Object.keys(own);
  const numbers = await broadcastNumbers(ranks, Object.values(own));
  return Object.fromEntries(names.map((name, at) => [name, numbers[at] as number]));
}

/** Evaluates the training's models, notes what was found, keeps the best model, and says whether to go on. */
function createEvaluating(parts: RunEvaluation): Evaluating | undefined {
  const { run: folder, active, evaluator, early, progress, together } = parts;
  if (evaluator === undefined) return undefined;
  const run = (): Promise<boolean> =>
    active.evaluate(async (models) => {
      const evaluation = await ofFirst(together.ranks, await evaluator.evaluate(models));
      const step = active.steps() - 1;
      progress.evaluated(step, evaluation);
      const verdict = early?.judge(evaluation, step);
      const isOfEma = early?.metric.startsWith("ema.") === true;
      const judged = isOfEma ? models.ema : models.model;
      if (together.isFirst && verdict?.isBest && judged !== undefined) {
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

/** Says what training and evaluation left out, on all ranks. */
function noteAllLeftOut({ batches, evaluator, together }: OpenedTraining): void {
  noteLeftOut(joinLeftOut([batches.leftOut(), together.skips.ofOthers()]), "left out of training");
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

/** Steps between checks that all ranks have the same weights. */
const driftEvery = 100;

/** What only one process does for a run, however many train it. */
interface Writing {
  readonly onEnd: TrainingOptions["onEnd"];
  /** The folder's, of the rank that writes there. */
  readonly lock: RunLock | undefined;
}

/** What is done after each step: on all ranks what they do together, on the first what is written and said. */
function stepReporter(
  { checkpoints: { every }, steps }: RunOptions,
  { active, together }: OpenedTraining,
  {
    progress,
    checkpoints,
    lock,
  }: Pick<Writing, "lock"> & {
    readonly progress: Progress;
    readonly checkpoints: RunCheckpoints;
  },
): (taken: TakenStep<Batch, StepNumbers>) => Promise<void> {
  return async (taken) => {
    const report = stepReport(taken, together.ranks.size);
    lock?.touch();
    progress.report(report);
    await checkpoints.took(report.step, report.loss);
    await together.afterStep();
    const done = active.steps();
    if (done % driftEvery === 0 || done % every === 0 || done === steps) await checkWeights(together, active);
  };
}

/** The loop of an opened run, its metrics and checkpoints. */
async function trainOpened(options: RunOptions, opened: OpenedTraining, writing: Writing): Promise<TrainingResult> {
  const { run, steps } = options;
  const { active, batches, early, evaluator, together } = opened;
  const progress = together.isFirst ? createProgress(options.progress) : silentProgress;
  const condition = together.isShared ? ", if no rank is lost" : "";
  const interruption = watchInterruption(`Stopping after this step and saving${condition}`);
  together.endsWhen(interruption.requested);
  const checkpoints = together.isFirst ? createRunCheckpoints(options.checkpoints, opened) : noCheckpoints;
  const report = stepReporter(options, opened, { progress, checkpoints, lock: writing.lock });
  try {
    const shouldStop = (): boolean => together.shouldStop() || early?.isOver() === true;
    const evaluate = createEvaluating({ ...opened, run, progress });
    const saving = { every: options.checkpoints.every, save: checkpoints.save };
    await train({ steps, training: active, batches, saving, report, shouldStop, evaluate });
    await together.afterAll();
    await checkpoints.finish();
    const end = endOf(options, early, active.steps(), together.shouldStop());
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
    if (active.steps() > 0) await writing.onEnd?.(run);
    noteAllLeftOut(opened);
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

/** What rank 0 does around a run: its folder is its own, and tells how the run goes. */
async function trainFirst(options: RunOptions, start: TrainingOptions): Promise<TrainingResult> {
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

/**
 * Trains as the options say, from scratch or from the run's last whole checkpoint; then the run's recorded
 * settings hold, but for those that may change. With `ranks` all of them call it; rank 0 alone writes.
 * @throws ClipError "bad-config" for other settings, data or models than a run to go on with began with, and for
 * pairs that do not divide among ranks.
 */
export async function runTraining(options: RunOptions, start: TrainingOptions = {}): Promise<TrainingResult> {
  const isFirst = (start.ranks?.rank ?? 0) === 0;
  if (isFirst) return trainFirst(options, start);
  const opened = await openTraining(options, [], start);
  return trainOpened(options, opened, { lock: undefined, onEnd: undefined });
}
