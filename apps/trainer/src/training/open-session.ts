import { flattenTree } from "@clip-ts/core";
import type { Cursor } from "@clip-ts/data";
import { clipSpec } from "@clip-ts/model";
import { loadModelParams, readCheckpointState, type Compiler } from "@clip-ts/node";
import { createOptimizer, type Optimizer } from "@clip-ts/optim";
import type { RunModel } from "../config/model.ts";
import { optimizerConfig } from "../config/optimizer.ts";
import type { RunConfig } from "../config/schema.ts";
import { createCompiledSession } from "./compiled-session.ts";
import { createEagerSession } from "./eager-session.ts";
import type { TrainingSession } from "./session.ts";
import { freshState, restoredState, type TrainState } from "./train-state.ts";
import { createTrainStep } from "./train-step.ts";

/** A session and where it stands in the data. */
export interface OpenedSession {
  readonly session: TrainingSession;
  readonly cursor?: Cursor;
}

async function restore(
  folder: string,
  config: RunConfig,
  options: { readonly model: RunModel; readonly optimizer: Optimizer },
): Promise<{ state: TrainState; cursor?: Cursor }> {
  const { model, optimizer } = options;
  const { step, cursor } = await readCheckpointState(folder);
  const params = await loadModelParams(folder, model.description.config);
  const keepsEma = config.ema !== undefined;
  const state = await restoredState(folder, params, { step, optimizer, keepsEma });
  return cursor === undefined ? { state } : { state, cursor: cursor as Cursor };
}

/** Where a session begins, and what compiles its steps; without a compiler they run as they come. */
export interface OpenOptions {
  readonly checkpoint?: string | undefined;
  readonly compiler?: Compiler | undefined;
}

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
  const spec = flattenTree<{ shape: readonly number[] }>(clipSpec(clip));
  const optimizer = createOptimizer(optimizerConfig(config), spec);
  const { state, ...place } =
    checkpoint === undefined
      ? { state: freshState(await model.start(), optimizer, config.ema !== undefined) }
      : await restore(checkpoint, config, { model, optimizer });
  const session =
    compiler === undefined
      ? createEagerSession(createTrainStep(config, clip, optimizer), state)
      : await createCompiledSession({ config, clip, optimizer }, state, compiler.compileTraining);
  return { session, ...place };
}
