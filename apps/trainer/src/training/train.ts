import type { BatchStream, Cursor } from "@clip-ts/data";
import type { StepMetrics, TrainStep } from "./train-step.ts";
import type { TrainState } from "./train-state.ts";

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

/** All that training needs; nothing in it knows files. */
export interface Training {
  readonly steps: number;
  readonly saveEvery: number;
  readonly batches: BatchStream;
  readonly step: TrainStep;
  readonly save: (state: TrainState, cursor: Cursor) => Promise<void>;
  readonly report: (report: StepReport) => void;
  /** Asked before each step; true ends training after a save. */
  readonly shouldStop: () => boolean;
}

/** The whole of training: batch, step, report, save. @returns the last state. */
export async function train(training: Training, initial: TrainState): Promise<TrainState> {
  const { steps, saveEvery, batches, step, save, report, shouldStop } = training;
  let state = initial;
  let savedAt = initial.step;
  while (state.step < steps && !shouldStop()) {
    const askedAt = performance.now();
    const batch = await batches.next();
    const startedAt = performance.now();
    const outcome = await step(state, batch);
    state = outcome.state;

    report({
      ...outcome.metrics,
      step: state.step - 1,
      images: batch.batch,
      tokens: batch.tokens,
      epoch: batch.epoch,
      dataMs: startedAt - askedAt,
      computeMs: performance.now() - startedAt,
    });
    if (state.step % saveEvery === 0) {
      await save(state, batches.cursor());
      savedAt = state.step;
    }
  }
  if (savedAt !== state.step) await save(state, batches.cursor());
  return state;
}
