import type { Batch } from "@clip-ts/data";
import type { StepNumbers, TakenStep } from "@clip-ts/training";
import { duration, terminalColumns } from "../../cli/text.ts";
import { createWaitTally, waitShare, type DataWait } from "./data-wait.ts";
import { createEventFile } from "./event-file.ts";
import type { Evaluation } from "./evaluation.ts";
import { createSoftFile } from "./soft-file.ts";
import type { ProgressOptions } from "../../config/options.ts";
import { shownMetric } from "../../cli/metrics.ts";
import { say } from "../../cli/output.ts";

/** What a step tells about itself. */
export interface StepMetrics {
  readonly loss: number;
  /** Share of the batch's images whose own caption scored highest. */
  readonly accuracy: number;
  /** Length of the whole gradient before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Logarithm of the factor on cosines that the loss was computed with. */
  readonly logitScale: number;
}

/** A step's metrics with what it cost. */
export interface StepReport extends StepMetrics {
  /** The step just taken, from 0. */
  readonly step: number;
  readonly images: number;
  readonly tokens: number;
  readonly epoch: number;
  /** Waiting for the batch. */
  readonly dataMs: number;
  /** Forward, backward and update. */
  readonly computeMs: number;
}

/** What a run reports of a step; not a number where an objective does not tell it. */
export function stepMetrics(numbers: StepNumbers): StepMetrics {
  const { loss, gradNorm, learningRate } = numbers;
  const { accuracy = Number.NaN, logitScale = Number.NaN } = numbers;
  return { loss, accuracy, gradNorm, learningRate, logitScale };
}

/** A step that was taken as a run reports it, on so many ranks that each have a part of the batch. */
export function stepReport({ batch, numbers, ...taken }: TakenStep<Batch, StepNumbers>, ranks = 1): StepReport {
  const { batch: rows, tokens, epoch } = batch;
  return { ...stepMetrics(numbers), ...taken, images: ranks * rows, tokens, epoch };
}

/** Smoothed pace and the time left. */
interface Pace {
  readonly msPerStep: number;
  readonly imagesPerSecond: number;
  readonly dataMs: number;
}

/** The pace after a step: a tenth of it is the step's own, all of it at the first. */
function paceAfter({ images, dataMs, computeMs }: StepReport, old: Pace | undefined): Pace {
  const ms = dataMs + computeMs;
  const own: Pace = { msPerStep: ms, imagesPerSecond: (1000 * images) / ms, dataMs };
  if (old === undefined) return own;
  const smooth = (name: keyof Pace): number => 0.9 * old[name] + 0.1 * own[name];
  return { msPerStep: smooth("msPerStep"), imagesPerSecond: smooth("imagesPerSecond"), dataMs: smooth("dataMs") };
}

/** One character fewer than a terminal has, where the last would begin another line. */
const lineColumns = terminalColumns - 1;

/** Fields that a line which is too long does without, in this order. */
const spared = ["G", "scale ", "acc "];

const isField = (field: string, word: string): boolean => field.startsWith(word) || field.endsWith(word);

/** Two spaces between fields; the whole fits a line, or only what may be spared is missing. */
function fitted(fields: readonly string[]): string {
  const line = fields.join("  ");
  const word = spared.find((each) => fields.some((field) => isField(field, each)));
  if (line.length <= lineColumns || word === undefined) return line;
  return fitted(fields.filter((field) => !isField(field, word)));
}

/** A step on one line of less than 80 columns. */
export function progressLine(report: StepReport, steps: number, pace: Pace): string {
  const left = (steps - report.step - 1) * pace.msPerStep;
  const memory = process.memoryUsage.rss() / 2 ** 30;
  const done = String(report.step + 1).padStart(String(steps).length);
  return fitted([
    `${done}/${steps}`,
    `loss ${report.loss.toFixed(3)}`,
    `acc ${(100 * report.accuracy).toFixed(0)}%`,
    `scale ${Math.exp(report.logitScale).toFixed(1)}`,
    `${pace.imagesPerSecond.toFixed(0)} img/s`,
    `wait ${(100 * waitShare(pace.dataMs, pace.msPerStep)).toFixed(0)}%`,
    `eta ${duration(left)}`,
    `${memory.toFixed(1)}G`,
  ]);
}

/** Shows progress on a terminal (one line, rewritten) or in a log (a line every few seconds). */
export interface Progress {
  readonly report: (report: StepReport) => void;
  /** Notes what an evaluation found after a step. */
  readonly evaluated: (step: number, evaluation: Evaluation) => void;
  /** What was waited for so far, by this process. */
  readonly waited: () => DataWait;
  /** Ends the line and flushes metrics. */
  readonly finish: () => Promise<void>;
}

/** Numbers of a step that are worth a curve. */
function curvesOf(report: StepReport, share: number): Record<string, number> {
  const { loss, accuracy, gradNorm, learningRate, logitScale, images, dataMs, computeMs } = report;
  const imagesPerSecond = (1000 * images) / (dataMs + computeMs);
  const numbers = { loss, accuracy, gradNorm, learningRate, logitScale, imagesPerSecond, waitShare: share };
  const entries = Object.entries(numbers).map(([name, value]) => [`train/${name}`, value] as const);
  return Object.fromEntries(entries);
}

/** The first few numbers of an evaluation on one line. */
function evaluationLine(step: number, evaluation: Evaluation): string {
  const shown = Object.entries(evaluation).filter(([name]) => /(meanRecallAt1|top1|loss)$/.test(name));
  const numbers = shown.map(([name, value]) => `${name} ${shownMetric(name, value)}`);
  return `step ${step + 1}: ${numbers.join("  ")}`;
}

/** Of a rank that another one speaks for. */
export const silentProgress: Progress = {
  report: () => undefined,
  evaluated: () => undefined,
  waited: () => ({ dataMs: 0, ms: 0, share: 0 }),
  finish: () => Promise.resolve(),
};

/** Writes progress to standard error, and every step to `metrics.jsonl` and an event file if asked. */
export function createProgress(options: ProgressOptions): Progress {
  const { steps, metricsFile, logEvery, eventFolder } = options;
  const events = eventFolder === undefined ? undefined : createEventFile(eventFolder);
  const metrics = createSoftFile(metricsFile);
  const isTerminal = process.stderr.isTTY;
  const all = createWaitTally();
  let sinceLine = createWaitTally();
  let pace: Pace | undefined;
  let shownAt = 0;

  const show = (report: StepReport, current: Pace): void => {
    const isLast = report.step + 1 === steps;
    const interval = isTerminal ? 200 : 10_000;
    if (!isLast && performance.now() - shownAt < interval) return;
    shownAt = performance.now();
    const line = progressLine(report, steps, current);
    say(isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
  };

  return {
    report(report) {
      pace = paceAfter(report, pace);
      for (const tally of [all, sinceLine]) tally.took(report.dataMs, report.dataMs + report.computeMs);
      if (report.step % logEvery === 0 || report.step + 1 === steps) {
        const share = sinceLine.waited().share;
        metrics.write(`${JSON.stringify({ ...report, waitShare: Number(share.toFixed(4)) })}\n`);
        events?.write(report.step, curvesOf(report, share));
        sinceLine = createWaitTally();
      }
      show(report, pace);
    },
    evaluated(step, evaluation) {
      metrics.write(`${JSON.stringify({ step, ...evaluation })}\n`);
      const named = Object.entries(evaluation).map(([name, value]) => [`evaluate/${name}`, value]);
      events?.write(step, Object.fromEntries(named) as Evaluation);
      say(`${isTerminal ? "\r\u001b[2K" : ""}${evaluationLine(step, evaluation)}\n`);
    },
    waited: () => all.waited(),
    async finish() {
      if (isTerminal) say("\n");
      await events?.close();
      await metrics.close();
    },
  };
}
