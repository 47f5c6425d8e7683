import { createYield } from "@clip-ts/base";
import type { Training } from "./create-training.ts";

/** A step just taken, and what it cost. */
export interface TakenStep<Batch, Numbers> {
  /** The step, from 0. */
  readonly step: number;
  readonly batch: Batch;
  readonly numbers: Numbers;
  /** Milliseconds of waiting for the batch. */
  readonly dataMs: number;
  /** Milliseconds of forward, backward and update. */
  readonly computeMs: number;
}

/** Evaluation in between. */
export interface Evaluating {
  /** Steps between evaluations; the last step is evaluated too. */
  readonly every: number;
  /** @returns whether training is over. */
  readonly run: () => Promise<boolean>;
}

/** What is trained: a `Training`, or one that makes its arrays from batches of another kind. */
export interface Trainee<Batch, Numbers> extends Pick<Training, "steps"> {
  step(batch: Batch): Promise<Numbers>;
}

/** All that the loop needs; nothing in it knows files or engines. */
export interface LoopOptions<Batch, Numbers> {
  /** Steps of the whole training, those before included. */
  readonly steps: number;
  readonly training: Trainee<Batch, Numbers>;
  readonly batches: { next(): Promise<Batch> };
  readonly report?: ((taken: TakenStep<Batch, Numbers>) => Promise<void> | void) | undefined;
  readonly evaluate?: Evaluating | undefined;
  /** Steps between saves, and what keeps the training and its place in the data. */
  readonly saving?: Saving | undefined;
  /** Asked before each step; true ends training after a save. */
  readonly shouldStop?: (() => boolean) | undefined;
}

/** How often a training is kept, and by what. */
export interface Saving {
  readonly every: number;
  /** @returns whether it could; the last time it throws if it cannot. */
  readonly save: (isLast: boolean) => Promise<boolean>;
}

/** Evaluates if it is time to. @returns whether training is over. */
async function evaluated<Batch, Numbers>({ steps, training, evaluate }: LoopOptions<Batch, Numbers>): Promise<boolean> {
  if (evaluate === undefined) return false;
  const isDue = training.steps() === steps || training.steps() % evaluate.every === 0;
  return isDue && evaluate.run();
}

/** Saves if it is time to. @returns whether it was done. */
async function saved<Batch, Numbers>({ training, saving }: LoopOptions<Batch, Numbers>): Promise<boolean> {
  if (saving === undefined || training.steps() % saving.every !== 0) return false;
  return saving.save(false);
}

/** One pass of the loop. @returns whether training is over. */
async function pass<Batch, Numbers>(options: LoopOptions<Batch, Numbers>): Promise<boolean> {
  const { training, batches, report } = options;
  const askedAt = performance.now();
  const batch = await batches.next();
  const startedAt = performance.now();
  const numbers = await training.step(batch);
  const computeMs = performance.now() - startedAt;
  const step = training.steps() - 1;
  await report?.({ step, batch, numbers, dataMs: startedAt - askedAt, computeMs });
  return evaluated(options);
}

/** The whole of training: batch, step, report, evaluate, save. */
export async function train<Batch, Numbers>(options: LoopOptions<Batch, Numbers>): Promise<void> {
  const { steps, training, saving, shouldStop = () => false } = options;
  const yieldIfDue = createYield(); // signals and timers: a step in memory never waits for anything else
  let savedAt = training.steps();
  let isOver = false;
  while (training.steps() < steps && !isOver && !shouldStop()) {
    isOver = await pass(options);
    if (await saved(options)) savedAt = training.steps();
    await yieldIfDue();
  }
  if (savedAt !== training.steps()) await saving?.save(true);
}
