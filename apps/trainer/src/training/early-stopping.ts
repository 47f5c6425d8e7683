import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { RunConfig } from "../config/schema.ts";
import type { Evaluation } from "../evaluation/numbers.ts";
import { evaluatedNames } from "./evaluation.ts";

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

/** Ranks are better the lower they are. */
const isLowerBetter = (metric: string): boolean => metric.endsWith("Rank");

/**
 * Sets up the early stopping that a config asks for, from a saved best or none.
 * @throws ClipError "bad-config" if evaluation does not report the metric.
 */
export function createEarlyStopping(
  config: RunConfig,
  saved?: BestSoFar,
): EarlyStopping | undefined {
  const { earlyStopping } = config;
  if (earlyStopping === undefined) return undefined;
  const { metric, patience, minDelta } = earlyStopping;
  const names = evaluatedNames(config);
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
    best: () => best,
    isOver,
    judge(evaluation, step) {
      const value = evaluation[metric] ?? Number.NaN;
      const isBest = best === undefined || sign * (value - best.value) > minDelta;
      best =
        isBest || best === undefined
          ? { value, step, since: 0 }
          : { ...best, since: best.since + 1 };
      return { isBest, shouldStop: isOver() };
    },
  };
}

/** What ended a run after so many steps, undefined if early stopping did not. */
export function earlyStopOf(
  { run, steps, earlyStopping }: RunConfig,
  early: EarlyStopping | undefined,
  stepsTaken: number,
): EarlyStop | undefined {
  const best = early?.best();
  const isEarly = early?.isOver() === true && stepsTaken < steps;
  if (!isEarly || best === undefined || earlyStopping === undefined) return undefined;
  return { ...best, metric: earlyStopping.metric, folder: join(run, "best") };
}

/** An early end in one line. */
export function describeEarlyStop(
  { metric, value, step, since, folder }: EarlyStop,
  { done, steps }: { readonly done: number; readonly steps: number },
): string {
  const shown = isLowerBetter(metric) ? String(value) : `${(100 * value).toFixed(1)}%`;
  const evaluations = since === 1 ? "evaluation" : `${since} evaluations`;
  return (
    `Stopped early after ${done} of ${steps} steps: ${metric} was best at step ${step + 1}, ${shown}, ` +
    `and no better in the last ${evaluations} (earlyStopping.patience). Best model: ${folder}`
  );
}
