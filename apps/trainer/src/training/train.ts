import type { BatchStream } from "@clip-ts/data";
import type { StepMetrics, TrainingSession } from "./session.ts";

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

/** Evaluation in between. */
export interface Evaluating {
  /** Steps between evaluations; the last step is evaluated too. */
  readonly every: number;
  readonly run: () => Promise<boolean>;
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

/** Evaluates if it is time to. @returns whether training is over. */
async function evaluated({ steps, session, evaluate }: Training): Promise<boolean> {
  if (evaluate === undefined) return false;
  const isDue = session.steps() === steps || session.steps() % evaluate.every === 0;
  return isDue && evaluate.run();
}

/** Lets signals and timers in: a step in memory never waits for anything else. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** The whole of training: batch, step, report, evaluate, save. */
export async function train(training: Training): Promise<void> {
  const { steps, saveEvery, batches, session, save, report, shouldStop } = training;
  let savedAt = session.steps();
  let isOver = false;
  while (session.steps() < steps && !isOver && !shouldStop()) {
    const askedAt = performance.now();
    const batch = await batches.next();
    const startedAt = performance.now();
    const metrics = await session.step(batch);

    await report({
      ...metrics,
      step: session.steps() - 1,
      images: batch.batch,
      tokens: batch.tokens,
      epoch: batch.epoch,
      dataMs: startedAt - askedAt,
      computeMs: performance.now() - startedAt,
    });
    isOver = await evaluated(training);
    if (session.steps() % saveEvery === 0 && (await save(false))) savedAt = session.steps();
    await turn();
  }
  if (savedAt !== session.steps()) await save(true);
}
