import type { Batch, BatchStream } from "@clip-ts/data";
import { train as runLoop, type Evaluating, type StepNumbers } from "@clip-ts/training";
import type { TrainingSession } from "./session.ts";

export type { Evaluating } from "@clip-ts/training";

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

/** All that training needs; nothing in it knows files or engines. */
export interface Training {
  readonly steps: number;
  readonly saveEvery: number;
  readonly batches: BatchStream;
  readonly session: TrainingSession;
  /**
   * Keeps the session's contents and the place in the data. @returns whether it could; the last time it
   * throws if it cannot.
   */
  readonly save: (isLast: boolean) => Promise<boolean>;
  readonly report: (report: StepReport) => Promise<void>;
  /** Evaluates the session as it is; true ends training after a save. */
  readonly evaluate?: Evaluating | undefined;
  /** Asked before each step; true ends training after a save. */
  readonly shouldStop: () => boolean;
}

/** What a run reports of a step; not a number where an objective does not tell it. */
export function stepMetrics(numbers: StepNumbers): StepMetrics {
  const { loss, gradNorm, learningRate } = numbers;
  const { accuracy = Number.NaN, logitScale = Number.NaN } = numbers;
  return { loss, accuracy, gradNorm, learningRate, logitScale };
}

/** The whole of training: batch, step, report, evaluate, save. */
export function train({ session, report, save, saveEvery, ...loop }: Training): Promise<void> {
  return runLoop<Batch, StepNumbers>({
    ...loop,
    training: session,
    saving: { every: saveEvery, save },
    report: ({ batch, numbers, ...taken }) => {
      const { batch: images, tokens, epoch } = batch;
      return report({ ...stepMetrics(numbers), ...taken, images, tokens, epoch });
    },
  });
}
