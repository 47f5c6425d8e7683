import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { flattenTree, type FlatTree } from "@clip-ts/core";
import { openSafetensors, streamParams, toFloat32 } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { openFile, readJson, writeFileWhole, writeJson } from "./files.ts";
import { writeModel, type ModelDescription } from "./model-folder.ts";

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
}

const optimizerFile = "optimizer.safetensors";
const stateFile = "state.json";
const padded = (step: number): string => `step-${String(step).padStart(7, "0")}`;

/** Points `latest` at a checkpoint, in one move. */
async function pointLatest(run: string, name: string): Promise<void> {
  const fresh = join(run, "latest.partial");
  await rm(fresh, { force: true });
  await symlink(join("checkpoints", name), fresh, "dir");
  await rename(fresh, join(run, "latest"));
}

/** Checkpoint folders of a run, oldest first; half-written ones are not counted. */
export async function listCheckpoints(run: string): Promise<string[]> {
  const folder = join(run, "checkpoints");
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder);
  return entries.filter((name) => /^step-\d+$/.test(name)).toSorted();
}

/**
 * Writes `checkpoints/step-N` beside its place, synced, and then moves it there and points `latest` at
 * it: a kill at any moment leaves the last whole checkpoint. Keeps the newest `keep` ones.
 * Borrows the tensors. @returns the folder.
 */
export async function saveCheckpoint(
  run: string,
  description: ModelDescription,
  checkpoint: Checkpoint,
  keep = 2,
): Promise<string> {
  const name = padded(checkpoint.step);
  const folder = join(run, "checkpoints", name);
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeModel(partial, description, checkpoint.params);
  const moments = streamParams(flattenTree<Tensor>(checkpoint.slots));
  await writeFileWhole(join(partial, optimizerFile), moments.chunks());
  await writeJson(join(partial, stateFile), { step: checkpoint.step, ...checkpoint.state });
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  await pointLatest(run, name);
  const outdated = (await listCheckpoints(run)).slice(0, -Math.max(1, keep));
  for (const old of outdated) {
    await rm(join(run, "checkpoints", old), { recursive: true, force: true });
  }
  return folder;
}

/** The JSON state of a checkpoint folder. */
export async function readCheckpointState(
  folder: string,
): Promise<Readonly<Record<string, unknown>> & { readonly step: number }> {
  const state = (await readJson(join(folder, stateFile))) as Record<string, unknown>;
  const { step } = state;
  if (typeof step !== "number") {
    throw new ClipError("bad-data", `${join(folder, stateFile)} does not say which step it is.`);
  }
  return { ...state, step };
}

/** The optimiser's slots of a checkpoint folder, on the running engine. The caller owns them. */
export async function readSlots(folder: string, slots: readonly string[]): Promise<SlotTrees> {
  const path = join(folder, optimizerFile);
  const source = await openFile(path);
  try {
    const file = await openSafetensors(source, path);
    const trees: Record<string, Record<string, Tensor>> = {};
    for (const slot of slots) trees[slot] = {};
    for (const name of file.names) {
      const dot = name.indexOf(".");
      const tree = trees[name.slice(0, dot)];
      if (tree === undefined) {
        throw new ClipError(
          "bad-weights",
          `${path} holds "${name}", but the optimizer keeps only ${slots.join(", ")}: resume with the same optimizer kind.`,
        );
      }
      const stored = await file.read(name);
      tree[name.slice(dot + 1)] = tensor(toFloat32(stored), [...stored.shape], "float32");
    }
    return trees;
  } finally {
    await source.close();
  }
}
