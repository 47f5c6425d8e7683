import { ClipError } from "@clip-ts/base";
import type { RunConfig } from "../config/schema.ts";
import { evaluatedNames, type Evaluation } from "./evaluation.ts";

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
  return {
    best: () => best,
    judge(evaluation, step) {
      const value = evaluation[metric] ?? Number.NaN;
      const isBest = best === undefined || sign * (value - best.value) > minDelta;
      best =
        isBest || best === undefined
          ? { value, step, since: 0 }
          : { ...best, since: best.since + 1 };
      return { isBest, shouldStop: best.since >= patience };
    },
  };
}
