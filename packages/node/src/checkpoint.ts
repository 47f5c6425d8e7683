import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { flattenTree, type FlatTree } from "@clip-ts/core";
import { openSafetensors, streamParams, toFloat32, type TensorFile } from "@clip-ts/weights";
import { dispose, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { openFile, readJson, writeFileWhole, writeJson } from "./files.ts";
import { writeModel, type ModelDescription } from "./model-folder.ts";
import { checkpointFolder, checkpointName, checkpointNames, pointLatest } from "./run-folder.ts";

/** Named trees beside the parameters: the optimiser's moments, EMA. */
export type SlotTrees = Readonly<Record<string, FlatTree<Tensor>>>;

/** All that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** Optimiser steps taken. */
  readonly step: number;
  readonly params: object;
  /** Optimiser state by slot, then path. */
  readonly slots: SlotTrees;
  /** Plain JSON: seed, data cursor, best metric. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Writes what else belongs into the checkpoint's folder before it is moved to its place. */
  readonly attach?: (folder: string) => Promise<void>;
}

const optimizerFile = "optimizer.safetensors";
const stateFile = "state.json";

/** Names of a run's checkpoint folders, oldest first; half-written ones are not counted. */
export function listCheckpoints(run: string): Promise<string[]> {
  return Promise.resolve(checkpointNames(run));
}

async function writeContents(
  folder: string,
  description: ModelDescription,
  { step, params, slots, state, attach }: Checkpoint,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeModel(folder, description, params);
  const moments = streamParams(flattenTree<Tensor>(slots));
  await writeFileWhole(join(folder, optimizerFile), moments.chunks());
  await attach?.(folder);
  await writeJson(join(folder, stateFile), { ...state, step });
}

/** Moves a finished folder to its place; one that is there already steps aside until it is done. */
async function moveInto(folder: string, finished: string): Promise<void> {
  const replaced = `${folder}.replaced`;
  await rm(replaced, { recursive: true, force: true });
  await rename(folder, replaced).catch(() => undefined); // usually there is none
  await rename(finished, folder);
  await rm(replaced, { recursive: true, force: true });
}

/**
 * Writes `checkpoints/step-N` beside its place, synced, and then moves it there and points `latest` at
 * it: a kill at any moment leaves the last whole checkpoint. Keeps the newest `keep` ones, at least 1.
 * Borrows the tensors. @returns the folder.
 */
export async function saveCheckpoint(
  run: string,
  description: ModelDescription,
  checkpoint: Checkpoint,
  keep = 2,
): Promise<string> {
  const name = checkpointName(checkpoint.step);
  const folder = checkpointFolder(run, name);
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await writeContents(partial, description, checkpoint);
  await moveInto(folder, partial);
  await pointLatest(run, name);
  for (const outdated of checkpointNames(run).slice(0, -Math.max(1, keep))) {
    await rm(checkpointFolder(run, outdated), { recursive: true, force: true });
  }
  return folder;
}

/** The JSON state of a checkpoint folder. @throws ClipError that names the file. */
export async function readCheckpointState(
  folder: string,
): Promise<Readonly<Record<string, unknown>> & { readonly step: number }> {
  const path = join(folder, stateFile);
  const state = await readJson(path);
  const step = (state as { step?: unknown } | null)?.step;
  if (Number.isSafeInteger(step)) return { ...(state as object), step: step as number };
  throw new ClipError("bad-data", `${path} does not say which step it is.`, { data: { path } });
}

/** The slot and the parameter's path in a stored name. */
function splitName(name: string): [slot: string, path: string] {
  const dot = name.indexOf(".");
  return [name.slice(0, dot), name.slice(dot + 1)];
}

function assertSlots(path: string, stored: readonly string[], wanted: readonly string[]): void {
  const found = [...new Set(stored.map((name) => splitName(name)[0]))];
  if (found.toSorted().join() === wanted.toSorted().join()) return;
  throw new ClipError(
    "bad-weights",
    `${path} holds ${found.join(", ") || "nothing"}, but this run keeps ${wanted.join(", ") || "nothing"}: ` +
      "resume with the same optimizer kind and moving average as the checkpoint's.",
    { data: { path, found, wanted } },
  );
}

async function readTensor(file: TensorFile, name: string): Promise<Tensor> {
  const stored = await file.read(name);
  return tensor(toFloat32(stored), [...stored.shape], "float32");
}

/**
 * The named slots of a checkpoint folder, on the running engine. The caller owns them.
 * @throws ClipError "bad-weights" if the checkpoint was made with other slots.
 */
export async function readSlots(folder: string, slots: readonly string[]): Promise<SlotTrees> {
  const path = join(folder, optimizerFile);
  const source = await openFile(path);
  const trees: Record<string, Record<string, Tensor>> = {};
  for (const slot of slots) trees[slot] = {};
  try {
    const file = await openSafetensors(source, path);
    assertSlots(path, file.names, slots);
    for (const name of file.names) {
      const [slot, leaf] = splitName(name);
      trees[slot]![leaf] = await readTensor(file, name);
    }
    return trees;
  } catch (error) {
    dispose(trees);
    throw error;
  } finally {
    await source.close();
  }
}
