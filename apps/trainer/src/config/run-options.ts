import { join } from "node:path";
import type { Device, EngineName, EngineOptions } from "@clip-ts/node";
import type { AugmentConfig, RandomViewConfig } from "@clip-ts/image";
import type { LossConfig } from "@clip-ts/model";
import type { EarlyStoppingOptions } from "../training/early-stopping.ts";
import type { EvaluationOptions } from "../training/evaluation.ts";
import type { openSession } from "../training/open-session.ts";
import type { ProgressOptions } from "../training/progress.ts";
import type { CheckpointOptions } from "../training/run-checkpoints.ts";
import type { IdentityOptions } from "../training/run-identity.ts";
import type { TrainingDataOptions } from "./batches.ts";
import type { Settings } from "./load-config.ts";
import type { RunModelOptions } from "./model.ts";
import type { RunConfig } from "./schema.ts";

/** What computes. */
export interface RunEngineOptions extends EngineOptions {
  readonly name: EngineName | "auto";
  /** A GPU is used if there is one by default. */
  readonly device?: Device | undefined;
}

/** A run, as options of the parts that it is made of. */
export interface RunOptions {
  /** Folder that receives checkpoints, metrics and the settings. */
  readonly run: string;
  readonly steps: number;
  /** What these options were read from: recorded with the run, and compared when it goes on. */
  readonly settings: Settings;
  readonly engine: RunEngineOptions;
  /** Every stored model that the run reads, to be fetched before it begins. */
  readonly storedModels: readonly string[];
  readonly model: RunModelOptions;
  readonly data: TrainingDataOptions;
  readonly identity: IdentityOptions;
  /** What a step computes. */
  readonly training: Parameters<typeof openSession>[0];
  readonly evaluation: EvaluationOptions | undefined;
  readonly earlyStopping: EarlyStoppingOptions | undefined;
  readonly checkpoints: CheckpointOptions;
  readonly progress: ProgressOptions;
}

function engineOptions({ engine, device, precision, threads }: RunConfig): RunEngineOptions {
  return { name: engine, device, precision, threads };
}

function storedModels({ model, distill }: RunConfig): string[] {
  const { from, config, vision, text, tokenizer } = model;
  const places = [from, config, vision, text, tokenizer, distill?.from];
  return places.filter((place) => place !== undefined);
}

/** A loss as models keep it: that it is computed in chunks is no part of it. */
function lossOption({ loss }: RunConfig): LossConfig | undefined {
  if (loss === undefined) return undefined;
  const { chunk: _, ...kept } = loss;
  return kept as LossConfig;
}

function modelOptions(config: RunConfig): RunModelOptions {
  const { model, data, seed } = config;
  const { background, train } = data;
  return {
    ...model,
    loss: lossOption(config),
    background,
    seed,
    readsCaptions: train.kind !== "tensors",
  };
}

function dataOptions({ data, accumulate, seed }: RunConfig): TrainingDataOptions {
  const { augment, view, ...rest } = data;
  return {
    ...rest,
    augment: augment as AugmentConfig | undefined,
    view: view as RandomViewConfig | undefined,
    accumulate,
    seed,
  };
}

function identityOptions({ model, data, distill, lora }: RunConfig): IdentityOptions {
  const { from, config, vision, text } = model;
  const places = { from, config, vision, text, teacher: distill?.from };
  return { train: data.train, ...places, hasAdapters: lora !== undefined };
}

function evaluationOptions({
  evaluate,
  ema: average,
  data,
  seed,
}: RunConfig): EvaluationOptions | undefined {
  if (evaluate === undefined) return undefined;
  const { ema, ...measures } = evaluate;
  const { maxSkipped, background } = data;
  return { ...measures, ofAverage: ema && average !== undefined, maxSkipped, background, seed };
}

function checkpointOptions({ run, checkpoint, seed, schedule }: RunConfig): CheckpointOptions {
  return { run, ...checkpoint, seed, learningRate: schedule.learningRate };
}

function progressOptions({ run, steps, logEvery, tensorboard }: RunConfig): ProgressOptions {
  const metricsFile = join(run, "metrics.jsonl");
  return { steps, logEvery, metricsFile, eventFolder: tensorboard ? run : undefined };
}

/** What a config's settings mean to each part of a run: the one place where both are known. */
export function runOptions(config: RunConfig): RunOptions {
  const { run, steps, earlyStopping } = config;
  return {
    run,
    steps,
    settings: config,
    engine: engineOptions(config),
    storedModels: storedModels(config),
    model: modelOptions(config),
    data: dataOptions(config),
    identity: identityOptions(config),
    training: config,
    evaluation: evaluationOptions(config),
    earlyStopping,
    checkpoints: checkpointOptions(config),
    progress: progressOptions(config),
  };
}
