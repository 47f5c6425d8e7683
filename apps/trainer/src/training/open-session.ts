import { refuseAfterDisposal } from "@clip-ts/base";
import type { Cursor } from "@clip-ts/data";
import { loadModelParams, readCheckpointState, type Compiler } from "@clip-ts/node";
import { createOptimizer } from "@clip-ts/optim";
import type { RunModel } from "../config/model.ts";
import { runObjective } from "../config/objective.ts";
import { optimizerConfig } from "../config/optimizer.ts";
import type { RunConfig } from "../config/schema.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { createCompiledSession } from "./compiled-session.ts";
import { createEagerSession } from "./eager-session.ts";
import type { BestSoFar } from "./early-stopping.ts";
import type { TrainingSession } from "./session.ts";
import { createBatchArrays } from "./step-batch.ts";
import { createStepGradient } from "./step-gradient.ts";
import { openTeacher } from "./teacher.ts";
import { onHost } from "./on-host.ts";
import { freshState, restoredState, type StateOptions, type TrainState } from "./train-state.ts";
import { createTrainStep } from "./train-step.ts";
import { planTraining, type TrainingPlan } from "./training-plan.ts";

/** A session and where it stands in the data. */
export interface OpenedSession {
  readonly session: TrainingSession;
  readonly plan: TrainingPlan;
  readonly cursor?: Cursor;
  /** The best evaluation that a checkpoint remembers. */
  readonly best?: BestSoFar;
}

/** State, and where it stands in the data if it comes from a checkpoint. */
interface Restored {
  readonly state: TrainState;
  readonly cursor?: Cursor;
  readonly best?: BestSoFar;
}

async function restore(folder: string, model: RunModel, options: StateOptions): Promise<Restored> {
  const { step, cursor, best } = await readCheckpointState(folder);
  const saved = await loadModelParams(folder, model.description.config);
  const models = options.plan.lora === undefined ? { saved } : { saved, base: await model.start() };
  const state = await restoredState(folder, models, { step, ...options });
  return {
    state,
    ...(cursor === undefined ? {} : { cursor: cursor as Cursor }),
    ...(best === undefined ? {} : { best: best as BestSoFar }),
  };
}

/** Where a session begins, and what compiles its steps; without a compiler they run as they come. */
export interface OpenOptions {
  readonly checkpoint?: string | undefined;
  readonly compiler?: Compiler | undefined;
}

/** What a session says after `dispose`. */
const sessionDisposed = {
  what: "This training session",
  remedy: "Open another from a checkpoint to go on.",
};

/**
 * Begins a run on the running engine, or goes on from a checkpoint folder. The caller disposes the
 * session.
 */
export async function openSession(
  config: RunConfig,
  model: RunModel,
  { checkpoint, compiler }: OpenOptions = {},
): Promise<OpenedSession> {
  const clip = model.description.config;
  const plan = planTraining(config, clip);
  const objective = runObjective(config, clip);
  const optimizer = createOptimizer(optimizerConfig(config, plan), plan.trained, objective.bounds);
  const options = { plan, optimizer, keepsEma: config.ema !== undefined };
  const begin = async (): Promise<Restored> =>
    checkpoint === undefined
      ? { state: freshState(await model.start(), config.seed, options) }
      : restore(checkpoint, model, options);
  const { state, ...place } = await (compiler === undefined ? begin() : onHost(begin));
  const teacher = await openTeacher(config, model.description, compiler);
  const checkpoints = { checkpoint: config.gradientCheckpointing };
  const gradient = createStepGradient(objective, plan, checkpoints);
  const batchArrays = createBatchArrays(config, { plan, objective, teacher });
  const parts = { config, plan, optimizer, gradient, batchArrays };
  const own =
    compiler === undefined
      ? createEagerSession(createTrainStep(parts), state)
      : await createCompiledSession(parts, state, compiler.compileTraining);
  if (compiler !== undefined) collectGarbage();
  const dispose = (): void => {
    own.dispose();
    teacher?.dispose();
  };
  const { steps, step, withContents } = own;
  const used = refuseAfterDisposal({ step, withContents, dispose }, sessionDisposed);
  return { session: { steps, ...used }, plan, ...place };
}
