import { readdirSync } from "node:fs";
import { link, mkdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClipError } from "@clip-ts/base";
import { syncFolder } from "@clip-ts/files";
import { isRunning, startOf } from "./running-process.ts";

/** Where a run keeps its checkpoints, and the link to the newest one. */
const folderName = "checkpoints";
const linkName = "latest";

/** `step-0000042`: names sort like the steps they stand for. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(7, "0")}`;
}

/** The folder of a checkpoint of a run. */
export function checkpointFolder(run: string, name: string): string {
  return join(run, folderName, name);
}

/** Whole checkpoints of a run, oldest first; half-written ones have other names. */
export function checkpointNames(run: string): string[] {
  try {
    const entries = readdirSync(join(run, folderName));
    return entries.filter((name) => /^step-\d+$/.test(name)).toSorted();
  } catch {
    return [];
  }
}

/** The folders that may hold a run's model, best first: where `latest` points, the newest checkpoint. */
export function latestFolders(run: string): string[] {
  const newest = checkpointNames(run).at(-1);
  const linked = join(run, linkName);
  return newest === undefined ? [linked] : [linked, checkpointFolder(run, newest)];
}

/** Removes a link, if there is one and it can be removed. */
async function unlink(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

/**
 * Points `latest` at a checkpoint, in one move. Where the disk has no links there is none: the newest
 * checkpoint is then found by its name.
 */
export async function pointLatest(run: string, name: string): Promise<void> {
  const link = join(run, linkName);
  const fresh = `${link}.partial`;
  try {
    await unlink(fresh);
    await symlink(join(folderName, name), fresh, "junction"); // Windows makes these without rights
    if (process.platform === "win32") await unlink(link); // its rename does not replace a link
    await rename(fresh, link);
    await syncFolder(run);
  } catch {
    await unlink(fresh);
    await unlink(link);
  }
}

/**
 * Takes a checkpoint out of a run without losing it: it becomes `step-N.damaged` or `step-N.diverged`,
 * and `latest` points at the newest one that is left.
 */
export async function markCheckpoint(run: string, name: string, reason: "damaged" | "diverged"): Promise<void> {
  const folder = checkpointFolder(run, name);
  await rm(`${folder}.${reason}`, { recursive: true, force: true });
  await rename(folder, `${folder}.${reason}`);
  const newest = checkpointNames(run).at(-1);
  await (newest === undefined ? unlink(join(run, linkName)) : pointLatest(run, newest));
}

/** The process that trains in a run's folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Of the machine's clock ticks when the process started, where the system tells: pids come again. */
  readonly started?: string | undefined;
}

const lockName = "training.lock";

/** After so long without a sign of life a process on another machine counts as gone. */
const silentMs = 10 * 60_000;

/** Milliseconds that a process may take to be gone once it was killed: its memory is given back first. */
const dyingMs = 2000;

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Holder>;
    if (typeof pid === "number" && typeof host === "string") return { pid, host, started };
  } catch {
    // cut off by a crash
  }
  return undefined;
}

/**
 * The process that trains in a run's folder at this moment, by its number and machine; undefined if there is
 * none, also where one crashed.
 */
export async function runHolder(run: string): Promise<{ readonly pid: number; readonly host: string } | undefined> {
  const path = join(run, lockName);
  const seen = await readFile(path, "utf8").catch(() => undefined);
  const holder = seen === undefined ? undefined : parseHolder(seen);
  if (holder === undefined || !(await isAlive(path, holder))) return undefined;
  return { pid: holder.pid, host: holder.host };
}

async function isAlive(path: string, holder: Holder | undefined): Promise<boolean> {
  const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0);
  if (holder === undefined) return age < 1000; // just being written, or cut off by a crash
  return holder.host === hostname() ? isRunning(holder.pid, holder.started) : age < silentMs;
}

/** Removes a lock whose holder is gone, unless another process has done so and locked since. */
async function breakLock(path: string, seen: string): Promise<void> {
  const taken = `${path}.${process.pid}`;
  const isMoved = await rename(path, taken).then(
    () => true,
    () => false,
  );
  if (!isMoved) return;
  const isFresh = (await readFile(taken, "utf8")) !== seen;
  if (isFresh) await link(taken, path).catch(() => undefined);
  await rm(taken, { force: true });
}

function occupied(run: string, path: string, holder: Holder | undefined): ClipError {
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
  return new ClipError(
    "bad-argument",
    `${run} is being trained by ${who}: wait for it, stop it, or set another "run" folder. ` +
      `If that process is gone for good, remove ${path}.`,
    { data: { run, ...holder } },
  );
}

/** A run's folder that no other process trains in. */
export interface RunLock {
  /** Shows other machines that this process lives; cheap enough for every step. */
  readonly touch: () => void;
  readonly release: () => Promise<void>;
}

/**
 * Makes sure that one process at a time trains in a run's folder, which is made if need be. A process
 * that crashed holds no lock: on this machine its number is looked up, on another one it counts as gone
 * after ten minutes without a `touch`. (Locks that live by a timer, as npm's usual ones do, would be lost
 * in a step that keeps JavaScript busy for longer than the timer.)
 * @throws ClipError "bad-argument" that names the other process and its machine.
 */
export async function lockRun(run: string): Promise<RunLock> {
  await mkdir(run, { recursive: true });
  const path = join(run, lockName);
  const own = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
  } satisfies Holder);
  let holder: Holder | undefined;
  for (const end = Date.now() + dyingMs; Date.now() < end;) {
    const isOurs = await writeFile(path, own, { flag: "wx" }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EEXIST") return false;
        throw error;
      },
    );
    if (isOurs) return heldLock(path, own);
    const seen = await readFile(path, "utf8").catch(() => undefined);
    if (seen === undefined) continue; // released in between
    holder = parseHolder(seen);
    if (await isAlive(path, holder)) await sleep(100);
    else await breakLock(path, seen);
  }
  throw occupied(run, path, holder);
}

function heldLock(path: string, own: string): RunLock {
  let touchedAt = Date.now();
  return {
    touch() {
      if (Date.now() - touchedAt < silentMs / 20) return;
      touchedAt = Date.now();
      void utimes(path, touchedAt / 1000, touchedAt / 1000).catch(() => undefined);
    },
    async release() {
      const holder = await readFile(path, "utf8").catch(() => undefined);
      if (holder === own) await rm(path, { force: true });
    },
  };
}
