import type { Batch } from "@clip-ts/data";
import type { StepNumbers, TakenStep } from "@clip-ts/training";

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

/** A step that was taken as a run reports it. */
export function stepReport({
  batch,
  numbers,
  ...taken
}: TakenStep<Batch, StepNumbers>): StepReport {
  const { batch: images, tokens, epoch } = batch;
  return { ...stepMetrics(numbers), ...taken, images, tokens, epoch };
}
