import { join } from "node:path";
import type { AugmentConfig, RandomViewConfig } from "@clip-ts/image";
import type { LossConfig } from "@clip-ts/model";
import type { OptimizerConfig, PathRules, ScheduleConfig, UnlockedGroups } from "@clip-ts/optim";
import type { LoraOptions } from "@clip-ts/training";
import { globalBatchOf, type TrainingDataOptions } from "./batches.ts";
import { given } from "./open-shards.ts";
import type { RunModelOptions } from "./model.ts";
import type { RunConfig } from "./schema.ts";
import { sourceOf, type SourceDefinitions } from "./sources.ts";
import type { OptimizerOptions, RunTrainingOptions } from "./training-options.ts";
import type {
  EvaluationOptions,
  ProgressOptions,
  CheckpointOptions,
  IdentityOptions,
  TeacherOptions,
  RunEngineOptions,
  RunOptions,
} from "./options.ts";

/** "/…/" is a regular expression, anything else the name of a leaf or subtree. */
function patternOf(text: string): RegExp | string {
  const inner = /^\/(.+)\/$/.exec(text)?.[1];
  return inner === undefined ? text : new RegExp(inner);
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

function dataOptions({ data, accumulate, seed }: RunConfig, sources: SourceDefinitions): TrainingDataOptions {
  const { augment, view, train, workers, decode, remote, ...rest } = data;
  return {
    ...rest,
    loading: { workers, decode, remote },
    train: sourceOf(train, sources),
    augment: augment as AugmentConfig | undefined,
    view: view as RandomViewConfig | undefined,
    accumulate,
    seed,
  };
}

function identityOptions({ model, distill, lora }: RunConfig, { train }: TrainingDataOptions): IdentityOptions {
  const { from, config, vision, text } = model;
  const places = { from, config, vision, text, teacher: distill?.from };
  return { train, ...places, hasAdapters: lora !== undefined };
}

function evaluationOptions(
  { evaluate, ema: average, data, seed }: RunConfig,
  sources: SourceDefinitions,
): EvaluationOptions | undefined {
  if (evaluate === undefined) return undefined;
  const { ema, retrieval: pairs, ...measures } = evaluate;
  const retrieval = pairs && { ...pairs, data: sourceOf(pairs.data, sources) };
  const { maxSkipped, background, batchSize } = data;
  return {
    ...measures,
    retrieval,
    batchSize,
    ofAverage: ema && average !== undefined,
    maxSkipped,
    background,
    seed,
  };
}

function checkpointOptions(
  { run, checkpoint, seed, schedule }: RunConfig,
  data: TrainingDataOptions,
): CheckpointOptions {
  return { run, ...checkpoint, seed, globalBatch: globalBatchOf(data), learningRate: schedule.learningRate };
}

function progressOptions({ run, steps, logEvery, tensorboard }: RunConfig): ProgressOptions {
  const metricsFile = join(run, "metrics.jsonl");
  return { steps, logEvery, metricsFile, eventFolder: tensorboard ? run : undefined };
}

/** Values by the patterns of a config. */
const rules = <Value>(pairs: readonly (readonly [string, Value])[]): PathRules<Value> =>
  pairs.map(([pattern, value]) => [patternOf(pattern), value] as const);

/** The settings of the optimiser's own kind. */
function ofKind({ optimizer }: RunConfig): OptimizerConfig {
  const { decay: _, multipliers: __, ...settings } = optimizer;
  if (settings.kind !== "muon") return settings;
  const { matrices, ...rest } = settings;
  return { ...rest, ...(matrices !== undefined && { matrices: rules(matrices) }) };
}

function optimizerOptions(config: RunConfig): OptimizerOptions {
  const { optimizer, layerDecay } = config;
  const { decay, multipliers } = optimizer;
  const both = typeof layerDecay === "number" ? { image: layerDecay, text: layerDecay } : layerDecay;
  const given = Object.entries(both ?? {}).filter(([, rate]) => rate !== undefined);
  return {
    config: {
      ...ofKind(config),
      ...(decay !== undefined && { decay: rules(decay) }),
      ...(multipliers !== undefined && { multipliers: rules(multipliers) }),
    },
    layerDecay: layerDecay === undefined ? undefined : Object.fromEntries(given),
  };
}

/** The adapters that a run trains, and what learns beside them. */
function loraOptions({ lora }: RunConfig): LoraOptions | undefined {
  if (lora === undefined) return undefined;
  const { rank, alpha = rank, targets, train } = lora;
  return {
    rank,
    alpha,
    ...(targets !== undefined && { targets: targets.map(patternOf) }),
    ...(train !== undefined && { train: train.map(patternOf) }),
  };
}

/** The towers that are locked, and how many groups of each still learn. */
function unlockedGroups({ lock = {} }: RunConfig): UnlockedGroups {
  const groups = (["image", "text"] as const).flatMap((tower) => {
    const unlocked = lock[tower]?.unlockedGroups;
    return unlocked === undefined || unlocked === "all" ? [] : [[tower, unlocked] as const];
  });
  return Object.fromEntries(groups);
}

function scheduleOptions({ schedule, steps }: RunConfig): ScheduleConfig {
  const { kind, learningRate, warmupSteps, timescale, shift, ...cooldown } = schedule;
  const common = { learningRate, warmupSteps, steps };
  if (kind === "rsqrt")
    return { kind, ...common, ...given({ timescale, shift, cooldownSteps: cooldown.cooldownSteps }) };
  if (kind !== "constant-cooldown") return { kind, ...common };
  const { cooldownSteps = 0, cooldownPower = 1, cooldownEndLearningRate = 0 } = cooldown;
  return { kind, ...common, cooldownSteps, cooldownPower, cooldownEndLearningRate };
}

function trainingOptions(config: RunConfig): RunTrainingOptions {
  const { seed, gradClipNorm, ema, accumulate, gradientCheckpointing, localLoss, lock, loss, distill } = config;
  return {
    seed,
    objective: { chunk: loss?.chunk, distill },
    optimizer: optimizerOptions(config),
    schedule: scheduleOptions(config),
    clipNorm: gradClipNorm,
    ema,
    accumulate,
    checkpointing: gradientCheckpointing,
    localLoss,
    lora: loraOptions(config),
    unlocked: unlockedGroups(config),
    freezeStatistics: lock?.image?.freezeStatistics,
  };
}

function teacherOptions({ distill, accumulate }: RunConfig, data: TrainingDataOptions): TeacherOptions | undefined {
  if (distill === undefined) return undefined;
  return { distill, parts: accumulate, data };
}

/** What a config's settings mean to each part of a run: the one place where both are known. */
export function runOptions(config: RunConfig, sources: SourceDefinitions = {}): RunOptions {
  const { run, steps, earlyStopping } = config;
  const data = dataOptions(config, sources);
  return {
    run,
    steps,
    settings: config,
    sources,
    engine: engineOptions(config),
    storedModels: storedModels(config),
    model: modelOptions(config),
    data,
    identity: identityOptions(config, data),
    training: trainingOptions(config),
    teacher: teacherOptions(config, data),
    evaluation: evaluationOptions(config, sources),
    earlyStopping,
    checkpoints: checkpointOptions(config, data),
    progress: progressOptions(config),
  };
}
