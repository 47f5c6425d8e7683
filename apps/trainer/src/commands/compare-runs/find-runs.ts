import { existsSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";

/** A run and what it is called among others. */
export interface FoundRun {
  readonly name: string;
  readonly folder: string;
}

/** Folders below the one named that are looked into. */
const deepest = 3;

/** What a training writes into its folder before its first step, and with it. */
const isRun = (folder: string): boolean =>
  ["config.yaml", "metrics.jsonl"].some((name) => existsSync(join(folder, name)));

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

async function runsBelow(folder: string, depth: number): Promise<string[]> {
  if (isRun(folder)) return [folder];
  if (depth === 0) return [];
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".")).toSorted();
  const found: string[] = [];
  for (const name of names) {
    const inner = join(folder, name);
    if (await isFolder(inner)) found.push(...(await runsBelow(inner, depth - 1)));
  }
  return found;
}

async function runsOf(place: string): Promise<FoundRun[]> {
  if (!existsSync(place))
    throw new ClipError("not-found", `There is no folder ${place}. Name a run or a folder of runs.`);
  if (!(await isFolder(place))) {
    throw new ClipError("bad-argument", `${place} is a file. Name the folder of a run, or a folder of runs.`);
  }
  const folders = await runsBelow(place, deepest);
  if (folders.length > 0) {
    return folders.map((folder) => ({ folder, name: relative(place, folder) || basename(resolve(folder)) }));
  }
  throw new ClipError(
    "not-found",
    `${place} holds no run: a run's folder has a config.yaml and, from its first step on, a metrics.jsonl. ` +
      `Looked into it and ${deepest} folders deep.`,
  );
}

/**
 * The runs that folders are or hold, each once, in the order of the words; runs that would be called alike are
 * called by their whole paths.
 * @throws ClipError "not-found" for a folder that is not there or holds no run, "bad-argument" for a file.
 */
export async function findRuns(places: readonly string[]): Promise<FoundRun[]> {
  const found = new Map<string, FoundRun>();
  for (const place of places) {
    for (const run of await runsOf(place)) {
      const real = await realpath(run.folder);
      if (!found.has(real)) found.set(real, run);
    }
  }
  const runs = [...found.values()];
  const isShared = (name: string): boolean => runs.filter((run) => run.name === name).length > 1;
  return runs.map((run) => (isShared(run.name) ? { ...run, name: run.folder } : run));
}
