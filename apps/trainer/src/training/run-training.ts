import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { flattenTree } from "@clip-ts/core";
import type { BatchStream, Cursor } from "@clip-ts/data";
import { clipSpec } from "@clip-ts/model";
import {
  listCheckpoints,
  loadModelParams,
  readCheckpointState,
  saveCheckpoint,
  startEngine,
  type ModelDescription,
} from "@clip-ts/node";
import { createOptimizer, type Optimizer } from "@clip-ts/optim";
import { announceEngine } from "../cli/announce-engine.ts";
import { openTrainingBatches } from "../config/batches.ts";
import { formatConfig } from "../config/load-config.ts";
import { openRunModel, type RunModel } from "../config/model.ts";
import { optimizerConfig } from "../config/optimizer.ts";
import type { RunConfig } from "../config/schema.ts";
import { watchInterruption } from "./interruption.ts";
import { forgetStepsFrom } from "./metrics-file.ts";
import { createProgress } from "./progress.ts";
import { train } from "./train.ts";
import {
  disposeState,
  freshState,
  restoredState,
  storedSlots,
  type TrainState,
} from "./train-state.ts";
import { createTrainStep } from "./train-step.ts";

/** How a run ended. */
export interface TrainingResult {
  readonly step: number;
  readonly interrupted: boolean;
  /** The checkpoint folder to go on with or to use. */
  readonly checkpoint: string;
}

async function refuseToOverwrite(run: string, resume: boolean): Promise<string | undefined> {
  const name = (await listCheckpoints(run)).at(-1);
  if (name === undefined && resume) {
    throw new ClipError("not-found", `There is nothing to resume: ${run} has no checkpoint yet.`);
  }
  if (name !== undefined && !resume) {
    throw new ClipError(
      "bad-argument",
      `${run} already holds a run (${name}). Pass --resume to go on with it, or set another "run" folder.`,
    );
  }
  return name === undefined ? undefined : join(run, "checkpoints", name);
}

interface Start {
  readonly state: TrainState;
  readonly cursor?: Cursor;
}

async function startingPoint(
  config: RunConfig,
  model: RunModel,
  options: { checkpoint: string | undefined; optimizer: Optimizer },
): Promise<Start> {
  const { checkpoint, optimizer } = options;
  const keepsEma = config.ema !== undefined;
  if (checkpoint === undefined) {
    return { state: freshState(await model.start(), optimizer, keepsEma) };
  }
  const { step, cursor } = await readCheckpointState(checkpoint);
  const params = await loadModelParams(checkpoint, model.description.config);
  const state = await restoredState(checkpoint, params, { step, optimizer, keepsEma });
  return cursor === undefined ? { state } : { state, cursor: cursor as Cursor };
}

function announce(config: RunConfig, description: ModelDescription, batches: BatchStream): void {
  const leaves = Object.values(flattenTree<{ shape: number[] }>(clipSpec(description.config)));
  const size = leaves.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const { preset = config.model.from } = config.model;
  process.stderr.write(
    `model   ${preset}: ${(size / 1e6).toFixed(1)} M parameters, ` +
      `${description.config.vision.imageSize} px, ${description.config.text.contextLength} tokens\n` +
      `data    ${config.data.train.kind}: ${batches.stepsPerEpoch} batches an epoch, ` +
      `${config.steps} steps\nrun     ${config.run}\n`,
  );
}

/** Trains as the config says, from scratch or from the run's last checkpoint. */
export async function runTraining(
  config: RunConfig,
  options: { readonly resume?: boolean } = {},
): Promise<TrainingResult> {
  const checkpoint = await refuseToOverwrite(config.run, options.resume === true);
  const engine = await startEngine(config.engine);
  announceEngine(engine);
  const model = await openRunModel(config);
  const { description } = model;
  const flatSpec = flattenTree<{ shape: readonly number[] }>(clipSpec(description.config));
  const optimizer = createOptimizer(optimizerConfig(config), flatSpec);
  const start = await startingPoint(config, model, { checkpoint, optimizer });
  const batches = await openTrainingBatches(config, description, start.cursor);
  await mkdir(config.run, { recursive: true });
  if (!existsSync(join(config.run, "config.yaml")) || options.resume !== true) {
    await writeFile(join(config.run, "config.yaml"), formatConfig(config));
  }
  announce(config, description, batches);

  const metricsFile = join(config.run, "metrics.jsonl");
  await forgetStepsFrom(start.state.step, metricsFile);
  const progress = createProgress({ ...config, metricsFile });
  const interruption = watchInterruption();
  let saved = checkpoint ?? "";
  try {
    const state = await train(
      {
        steps: config.steps,
        saveEvery: config.checkpoint.every,
        batches,
        step: createTrainStep(config, description.config, optimizer),
        report: progress.report,
        shouldStop: interruption.requested,
        async save(current, cursor) {
          const { step, params } = current;
          const facts = { seed: config.seed, cursor };
          const content = { step, params, slots: storedSlots(current), state: facts };
          saved = await saveCheckpoint(config.run, description, content, config.checkpoint.keep);
        },
      },
      start.state,
    );
    disposeState(state);
    return { step: state.step, interrupted: state.step < config.steps, checkpoint: saved };
  } finally {
    interruption.release();
    await progress.finish();
    await batches.close();
  }
}
