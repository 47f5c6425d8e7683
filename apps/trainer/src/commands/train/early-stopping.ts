import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { isLowerBetter, shownMetric } from "../../cli/metrics.ts";
import type { Evaluation } from "./evaluation.ts";
import type { EarlyStoppingOptions } from "../../config/options.ts";

/** The best evaluation so far and how long ago it was; plain JSON. */
export interface BestSoFar {
  readonly value: number;
  readonly step: number;
  /** Evaluations since then. */
  readonly since: number;
}

/** What an evaluation means for a run. */
export interface Verdict {
  readonly isBest: boolean;
  readonly shouldStop: boolean;
}

/** Ends a run that no longer gets better. */
export interface EarlyStopping {
  /** The number that it goes by. */
  readonly metric: string;
  readonly judge: (evaluation: Evaluation, step: number) => Verdict;
  readonly best: () => BestSoFar | undefined;
  /** Whether the run is over: also true of one that goes on from where it was stopped. */
  readonly isOver: () => boolean;
}

/** Why a run ended before its last step. */
export interface EarlyStop extends BestSoFar {
  readonly metric: string;
  /** Where the best model lies. */
  readonly folder: string;
}

/**
 * Sets up early stopping, from a saved best or none; undefined if it is not asked for.
 * @param names What evaluation reports.
 * @throws ClipError "bad-config" if the metric is not among them.
 */
export function createEarlyStopping(
  options: EarlyStoppingOptions | undefined,
  names: readonly string[],
  saved?: BestSoFar,
): EarlyStopping | undefined {
  if (options === undefined) return undefined;
  const { metric, patience, minDelta } = options;
  if (!names.includes(metric)) {
    throw new ClipError(
      "bad-config",
      `"earlyStopping.metric": evaluation reports no "${metric}", but ${names.join(", ")}.`,
      { data: { metric, names } },
    );
  }
  const sign = isLowerBetter(metric) ? -1 : 1;
  let best = saved;
  const isOver = (): boolean => best !== undefined && best.since >= patience;
  return {
    metric,
    best: () => best,
    isOver,
    judge(evaluation, step) {
      const value = evaluation[metric] ?? Number.NaN;
      const isBest = best === undefined || sign * (value - best.value) > minDelta;
      best = isBest || best === undefined ? { value, step, since: 0 } : { ...best, since: best.since + 1 };
      return { isBest, shouldStop: isOver() };
    },
  };
}

/** What ended a run of `steps` steps after so many, undefined if early stopping did not. */
export function earlyStopOf(
  { run, steps }: { readonly run: string; readonly steps: number },
  early: EarlyStopping | undefined,
  stepsTaken: number,
): EarlyStop | undefined {
  if (early === undefined || !early.isOver() || stepsTaken >= steps) return undefined;
  const best = early.best();
  return best && { ...best, metric: early.metric, folder: join(run, "best") };
}

/** An early end in one line. */
export function describeEarlyStop(
  { metric, value, step, since, folder }: EarlyStop,
  { done, steps }: { readonly done: number; readonly steps: number },
): string {
  const shown = shownMetric(metric, value);
  const evaluations = since === 1 ? "evaluation" : `${since} evaluations`;
  return (
    `Stopped early after ${done} of ${steps} steps: ${metric} was best at step ${step + 1}, ${shown}, ` +
    `and no better in the last ${evaluations} (earlyStopping.patience). Best model: ${folder}`
  );
}
