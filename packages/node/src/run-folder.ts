import { readdirSync } from "node:fs";
import { rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "./files.ts";

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
export async function setCheckpointAside(
  run: string,
  name: string,
  reason: "damaged" | "diverged",
): Promise<void> {
  const folder = checkpointFolder(run, name);
  await rm(`${folder}.${reason}`, { recursive: true, force: true });
  await rename(folder, `${folder}.${reason}`);
  const newest = checkpointNames(run).at(-1);
  await (newest === undefined ? unlink(join(run, linkName)) : pointLatest(run, newest));
}
