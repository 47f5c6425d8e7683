import { randomStream } from "@clip-ts/base";
import type { Batch } from "@clip-ts/data";
import { dtypeOf, type HostArray, type HostArrays, type NamedTensors } from "@clip-ts/jit";
import { pairGroups } from "@clip-ts/loss";
import type { ClipConfig } from "@clip-ts/model";
import { drawTextDropout } from "@clip-ts/text-encoder";
import { visionTower } from "@clip-ts/vision-encoder";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import { rowRanges, type RowRange } from "./row-ranges.ts";
import type { RunObjective } from "./step-gradient.ts";
import type { Teacher } from "./teacher.ts";
import type { TrainingPlan } from "./training-plan.ts";

/**
 * What a step reads, by name. If the batch is split, `0/pixelValues` belongs to its first micro-batch;
 * `groups` always belongs to all.
 */
export type StepBatch = HostArrays;

/** Tensors by the same names, made when they are asked for. */
export type LazyBatch = Readonly<Record<string, () => Tensor>>;

/** Makes a step's arrays from a batch of pairs. */
export type BatchArrays = (batch: Batch, step: number) => Promise<StepBatch>;

/** Rows `start` to `end` of an array. */
function rowsOf({ data, shape }: HostArray, { start, end }: RowRange): HostArray {
  const [, ...rest] = shape;
  const size = rest.reduce((product, side) => product * side, 1);
  return { data: data.subarray(start * size, end * size), shape: [end - start, ...rest] };
}

function split(arrays: HostArrays, rows: number, parts: number): HostArrays {
  if (parts === 1) return arrays;
  const entries = rowRanges(rows, parts).map((range, part) =>
    Object.entries(arrays).map(
      ([name, array]) => [`${part}/${name}`, rowsOf(array, range)] as const,
    ),
  );
  return Object.fromEntries(entries.flat());
}

/** The patches that each image keeps in one step, drawn from the seed; none without patch dropout. */
function drawnPatches(
  { vision }: ClipConfig,
  rows: number,
  path: readonly [seed: number, step: number],
): HostArrays {
  const [seed, step] = path;
  return { ...visionTower(vision).draws(vision, rows, randomStream(seed, "patches", step)) };
}

/** What each caption's pass keeps in one step of dropout; nothing for a tower that does not learn. */
function drawnDropout(
  { clip: { text }, isFrozen }: TrainingPlan,
  size: { readonly batch: number; readonly tokens: number },
  path: readonly [seed: number, step: number],
): HostArrays {
  if (isFrozen.text) return {};
  const [seed, step] = path;
  return { ...drawTextDropout(text, size, randomStream(seed, "text-dropout", step)) };
}

/** What the pairs of a batch tell all by themselves, for objectives that read it. */
const toldByPairs: Readonly<Record<string, (batch: Batch) => HostArray>> = {
  groups: ({ keys, captions, batch }) => ({ data: pairGroups(keys, captions), shape: [batch] }),
};

const reads = ({ inputs }: RunObjective, name: string): boolean =>
  inputs.shared.some((wanted) => wanted === name);

/** What reads the arrays of a step, and who adds to them. */
export interface BatchUse {
  readonly plan: TrainingPlan;
  readonly objective: RunObjective;
  readonly teacher: Teacher | undefined;
}

/** Sets up how batches become arrays: split into micro-batches, with what loss and towers ask for. */
export function createBatchArrays(
  config: RunConfig,
  { plan, objective, teacher }: BatchUse,
): BatchArrays {
  const { clip } = plan;
  const told = Object.entries(toldByPairs).filter(([name]) => reads(objective, name));
  return async (batch, step) => {
    const { pixelValues, inputIds, batch: rows, imageSize, tokens } = batch;
    const arrays = {
      pixelValues: { data: pixelValues, shape: [rows, 3, imageSize, imageSize] },
      inputIds: { data: inputIds, shape: [rows, tokens] },
      ...drawnPatches(clip, rows, [config.seed, step]),
      ...drawnDropout(plan, { batch: rows, tokens }, [config.seed, step]),
    };
    return {
      ...split(arrays, rows, Math.min(rows, config.accumulate)),
      ...Object.fromEntries(told.map(([name, arrayOf]) => [name, arrayOf(batch)])),
      ...(teacher === undefined ? {} : await teacher.features(batch)),
    };
  };
}

/** Makes each array a tensor when it is asked for. */
export function lazyTensors(arrays: StepBatch): LazyBatch {
  const entries = Object.entries(arrays).map(([name, array]) => {
    const { data, shape } = array;
    return [name, (): Tensor => tensor(data as never, [...shape], dtypeOf(array))] as const;
  });
  return Object.fromEntries(entries);
}

/** Tensors that are there already, as a batch. */
export function givenTensors(batch: NamedTensors): LazyBatch {
  return Object.fromEntries(Object.entries(batch).map(([name, x]) => [name, () => x]));
}
