import { join } from "node:path";
import { expect, test } from "vitest";
import {
  createEarlyStopping,
  describeEarlyStop,
  earlyStopOf,
  type BestSoFar,
  type EarlyStopping,
} from "./early-stopping.ts";
import { evaluatedNames } from "./evaluation.ts";
import { configOf } from "./run-here.test.ts";
import type { RunOptions } from "../../config/options.ts";

const metric = "retrieval.meanRecallAt1";
const evaluate = { every: 1, retrieval: { data: { kind: "synthetic" } } };

/** The early stopping of a run. */
const stoppingOf = ({ earlyStopping, evaluation }: RunOptions, saved?: BestSoFar): EarlyStopping =>
  createEarlyStopping(earlyStopping, evaluatedNames(evaluation), saved) as EarlyStopping;

const stopping = (changes: object, saved?: BestSoFar): EarlyStopping =>
  stoppingOf(configOf("early", { evaluate, earlyStopping: changes }), saved);

/** How a run of these values ends: the steps called best, and the step it stops at. */
function outcome(early: EarlyStopping, values: readonly number[], name = metric) {
  const best: number[] = [];
  const stoppedAt = values.findIndex((value, step) => {
    const verdict = early.judge({ [name]: value }, step);
    if (verdict.isBest) best.push(step);
    return verdict.shouldStop;
  });
  return { best, stoppedAt };
}

test("a run ends after `patience` evaluations in a row without a better value", () => {
  const values = [0.1, 0.2, 0.2, 0.19, 0.3, 0.1, 0.1, 0.1, 0.9];
  expect(outcome(stopping({ patience: 3 }), values)).toEqual({ best: [0, 1, 4], stoppedAt: 7 });
  expect(outcome(stopping({ patience: 2 }), values)).toEqual({ best: [0, 1], stoppedAt: 3 });
});

test("what is hardly better is no better", () => {
  const early = stopping({ patience: 5, minDelta: 0.05 });
  expect(outcome(early, [0.5, 0.54, 0.56, 0.6])).toEqual({ best: [0, 2], stoppedAt: -1 });
});

test("ranks are better the lower they are, and no number is never better", () => {
  const name = "retrieval.imageToText.medianRank";
  const early = stopping({ metric: name, patience: 9 });
  expect(outcome(early, [9, 10, 4, Number.NaN], name)).toEqual({ best: [0, 2], stoppedAt: -1 });
});

test("a run that goes on remembers its best", () => {
  const early = stopping({ patience: 2 }, { value: 0.5, step: 3, since: 1 });
  expect(outcome(early, [0.4])).toEqual({ best: [], stoppedAt: 0 });
  expect(early.best()).toEqual({ value: 0.5, step: 3, since: 2 });
});

test("a metric that is not evaluated is refused with those that are", () => {
  expect(() => stopping({ metric: "zeroShot.top1" })).toThrow(
    'evaluation reports no "zeroShot.top1", but retrieval.imageToText.recallAt1',
  );
});

test("the end says what was best, when, and where it lies", () => {
  const saved = { value: 0.125, step: 2, since: 3 };
  const config = configOf("early", { evaluate, earlyStopping: { patience: 3 }, steps: 12 });
  const early = stoppingOf(config, saved);
  const stop = earlyStopOf(config, early, 6);
  expect(describeEarlyStop(stop!, { done: 6, steps: 12 })).toBe(
    "Stopped early after 6 of 12 steps: retrieval.meanRecallAt1 was best at step 3, 12.5 %, and no " +
      `better in the last 3 evaluations (earlyStopping.patience). Best model: ${join(config.run, "best")}`,
  );
  expect(earlyStopOf(config, early, 12)).toBeUndefined(); // its last step is no early end
});
