import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import type { FlatTree, HostArray, HostArrays } from "@clip-ts/core";
import { openFile, readJson, syncFolder, writeFileWhole, writeJson } from "@clip-ts/files";
import type { ModelDescription } from "@clip-ts/inference";
import { openSafetensors, streamParams, toFloat32 } from "@clip-ts/weights";
import type { Tensor } from "@tensorflow/tfjs-core";
import { checkpointFolder, checkpointName, checkpointNames, pointLatest } from "./run-folder.ts";
import { writeModel } from "./write-model.ts";

/** What a file must be to be the one that was written. */
export interface FileDigest {
  readonly bytes: number;
  /** SHA-256 of the content, in hexadecimal digits. */
  readonly sha256: string;
}

/** Digests of a folder's files by their names, those of inner folders as `ema/model.safetensors`. */
export type FolderDigest = Readonly<Record<string, FileDigest>>;

async function digestFile(path: string): Promise<FileDigest> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest("hex") };
}

/** SHA-256 of a text, in hexadecimal digits. */
function digestText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Digests every file below a folder. */
async function digestFolder(folder: string): Promise<FolderDigest> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  const digests: Record<string, FileDigest> = {};
  for (const name of names) {
    digests[name.split(sep).join("/")] = await digestFile(join(folder, name));
  }
  return digests;
}

/** What is wrong with a folder's files, in words; undefined if they are those that were written. */
async function findDamage(folder: string, expected: FolderDigest): Promise<string | undefined> {
  for (const [name, { bytes, sha256 }] of Object.entries(expected)) {
    const found = await digestFile(join(folder, name)).catch(() => undefined);
    if (found === undefined) return `${name} cannot be read`;
    if (found.bytes !== bytes) return `${name} has ${found.bytes} bytes instead of ${bytes}`;
    if (found.sha256 !== sha256) return `${name} is not what was written (its SHA-256 differs)`;
  }
  return undefined;
}

/** All that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** Optimiser steps taken. */
  readonly step: number;
  /** A tree or flat tree of host arrays or tensors. */
  readonly params: object;
  /** Named trees beside the parameters, by slot, then path: the optimiser's moments, EMA. */
  readonly slots: Readonly<Record<string, FlatTree<Tensor | HostArray>>>;
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
  const moments = streamParams(slots);
  await writeFileWhole(join(folder, optimizerFile), moments.chunks());
  await attach?.(folder);
  const content = { ...state, step, files: await digestFolder(folder) };
  await writeJson(join(folder, stateFile), {
    ...content,
    sha256: digestText(JSON.stringify(content)),
  });
}

/** Moves a finished folder to its place; one that is there already is kept beside until it is done. */
async function moveInto(folder: string, finished: string): Promise<void> {
  const replaced = `${folder}.replaced`;
  await rm(replaced, { recursive: true, force: true });
  await rename(folder, replaced).catch(() => undefined); // usually there is none
  await rename(finished, folder);
  await syncFolder(dirname(folder));
  await rm(replaced, { recursive: true, force: true });
}

/** Deletes all but the newest `keep` checkpoints of a run, at least 1. */
export async function pruneCheckpoints(run: string, keep: number): Promise<void> {
  for (const outdated of checkpointNames(run).slice(0, -Math.max(1, keep))) {
    await rm(checkpointFolder(run, outdated), { recursive: true, force: true });
  }
}

/**
 * Writes `checkpoints/step-N` beside its place, synced, and then moves it there and points `latest` at
 * it: a kill at any moment, or a disk that is full, leaves the last whole checkpoint. Its `state.json`
 * has a SHA-256 of each file. Keeps the newest `keep` ones, at least 1. Borrows the
 * arrays and tensors; for arrays no engine has to run.
 * @returns the folder.
 * @throws ClipError "not-written" that names the file.
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
  try {
    await writeContents(partial, description, checkpoint);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  await moveInto(folder, partial);
  await pointLatest(run, name);
  await pruneCheckpoints(run, keep);
  return folder;
}

/** A checkpoint's JSON state, and the digests of its files if it has them. */
interface StoredState {
  readonly state: Readonly<Record<string, unknown>> & { readonly step: number };
  readonly files?: FolderDigest;
}

async function readStoredState(folder: string): Promise<StoredState> {
  const path = join(folder, stateFile);
  const content = ((await readJson(path)) ?? {}) as Readonly<Record<string, unknown>>;
  const { sha256, ...signed } = content;
  if (sha256 !== undefined && sha256 !== digestText(JSON.stringify(signed))) {
    throw new ClipError("bad-data", `${path} is not what was written (its SHA-256 differs).`, {
      data: { path },
    });
  }
  const { files, ...state } = signed;
  const { step } = state;
  if (!Number.isSafeInteger(step)) {
    throw new ClipError("bad-data", `${path} does not say which step it is.`, { data: { path } });
  }
  const digests = files === undefined ? {} : { files: files as FolderDigest };
  return { state: { ...state, step: step as number }, ...digests };
}

/**
 * The JSON state of a checkpoint folder. @throws ClipError that names the file, also if its content is
 * not what was written.
 */
export async function readCheckpointState(folder: string): Promise<StoredState["state"]> {
  return (await readStoredState(folder)).state;
}

/**
 * What is wrong with a checkpoint, in words; undefined if every file is the one that was written. Of a
 * checkpoint without digests only the state is looked at.
 */
export async function damageOf(folder: string): Promise<string | undefined> {
  try {
    const { files } = await readStoredState(folder);
    return files && (await findDamage(folder, files));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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

/**
 * The named slots of a checkpoint folder, by path; no engine has to run.
 * @throws ClipError "bad-weights" if the checkpoint was made with other slots.
 */
export async function readHostSlots(
  folder: string,
  slots: readonly string[],
): Promise<Readonly<Record<string, HostArrays>>> {
  const path = join(folder, optimizerFile);
  const source = await openFile(path);
  const trees: Record<string, Record<string, HostArray>> = {};
  for (const slot of slots) trees[slot] = {};
  try {
    const file = await openSafetensors(source, path);
    assertSlots(path, file.names, slots);
    for (const name of file.names) {
      const [slot, leaf] = splitName(name);
      const stored = await file.read(name);
      trees[slot]![leaf] = { data: toFloat32(stored), shape: stored.shape };
    }
    return trees;
  } finally {
    await source.close();
  }
}
