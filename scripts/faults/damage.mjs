// @ts-check
// Damage and disturbance from outside: a flipped bit, a second trainer, a full disk.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configFile, metrics, outcome, pause, reported, runToEnd, start, steps } from "./trainer.mjs";

/** @typedef {import("./report.mjs").Result} Result */
/** @typedef {import("../fuzz/random.mjs").Random} Random */

/** @param {string} file @param {Random} random */
function flip(file, random) {
  const bytes = readFileSync(file);
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  writeFileSync(file, bytes);
}

/**
 * One bit of any file of the newest checkpoint: it is named, and the run goes on from the one before.
 * @param {{ folder: string, finished: string, engine: string, expected: string, tries: number, random: Random }} options
 * `finished`: the folder of an undisturbed run
 * @returns {Promise<Result>}
 */
export async function flippedBits({ folder, finished, engine, expected, tries, random }) {
  /** @type {string[]} */
  const problems = [];
  for (let round = 0; round < tries; round++) {
    const run = join(folder, `flipped-${round}`);
    cpSync(finished, run, { recursive: true, verbatimSymlinks: true });
    const config = join(run, "config.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replaceAll(finished, run));
    const newest = realpathSync(join(run, "latest"));
    const name = random.pick(readdirSync(newest));
    flip(join(newest, name), random);
    const { code, stderr } = await runToEnd(["--resume", run]);
    if (code !== 0) problems.push(`${name}: ended with ${code}: ${stderr.slice(-300)}`);
    else if (!stderr.includes(name)) problems.push(`${name}: the damage is not said`);
    else if (outcome(run) !== expected) problems.push(`${name}: losses or weights are others`);
  }
  return { fault: "one bit of a checkpoint", engine, tries, problems };
}

/**
 * A second trainer in the same folder is refused, naming the first, which goes on undisturbed.
 * @param {{ folder: string, engine: string, expected: string }} options
 * @returns {Promise<Result>}
 */
export async function secondTrainer({ folder, engine, expected }) {
  const run = join(folder, "shared");
  const config = configFile(run, engine);
  const first = start([config]);
  await reported(run, 3, () => first.child.exitCode !== null);
  const seconds = await Promise.all([runToEnd([config]), runToEnd(["--resume", run])]);
  const { code, stderr } = await first.end;
  const problems = seconds.flatMap(({ code: second, stderr: said }) =>
    second !== 0 && said.includes(`process ${first.child.pid}`)
      ? []
      : [`the second ended with ${second}: ${said.slice(-300)}`],
  );
  if (code !== 0) problems.push(`the first ended with ${code}: ${stderr.slice(-300)}`);
  if (outcome(run) !== expected) problems.push("losses or weights are others");
  return { fault: "a second trainer", engine, tries: seconds.length, problems };
}

/** @param {string} file fills whatever room is left on its disk */
function fill(file) {
  for (let size = 2 ** 20; size >= 4096; size /= 2) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch {
      // no room for a block of this size
    }
  }
}

/** @param {string} disk @returns {boolean} whether a disk of two megabytes could be had there */
function mountSmall(disk) {
  mkdirSync(disk, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** @param {string} disk @param {string} engine @param {string} expected */
async function trainOnFull(disk, engine, expected) {
  const run = join(disk, "run");
  const filler = join(disk, "filler");
  const { child, end } = start([configFile(run, engine)]);
  await reported(run, 6, () => child.exitCode !== null);
  fill(filler);
  await pause(500);
  const kept = existsSync(join(run, "latest", "model.safetensors"));
  rmSync(filler);
  const { code, stderr } = await end;
  if (code !== 0) return [`ended with ${code}: ${stderr.slice(-300)}`];
  if (!kept) return ["the checkpoint before was lost"];
  if (metrics(run).length !== steps) return [`${metrics(run).length} of ${steps} steps are recorded`];
  return outcome(run) === expected ? [] : ["losses or weights are others"];
}

/**
 * A disk that fills while a run goes on: the last checkpoint stays, the run ends well once there is room.
 * @param {{ folder: string, engine: string, expected: string, tries: number }} options
 * @returns {Promise<Result>}
 */
export async function fullDisk({ folder, engine, expected, tries }) {
  const result = { fault: "a full disk", engine };
  /** @type {string[]} */
  const problems = [];
  for (let round = 0; round < tries; round++) {
    const disk = join(folder, `disk-${round}`);
    if (!mountSmall(disk)) {
      return { ...result, tries: 0, problems, skipped: "mounting a small disk needs root" };
    }
    try {
      problems.push(...(await trainOnFull(disk, engine, expected)));
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  }
  return { ...result, tries, problems };
}
