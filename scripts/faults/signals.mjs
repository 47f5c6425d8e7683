// @ts-check
// Ctrl-C, SIGTERM and SIGHUP at a random step: the run saves, says how to go on, and goes on the same.
import { join } from "node:path";
import { configFile, leftovers, metrics, newest, outcome, reported, start, steps } from "./trainer.mjs";

/** Seconds from the signal to the process's end, a step of milliseconds, the checkpoint and its page included. */
const limit = 2;

/**
 * @param {{ folder: string, engine: string, expected: string, random: import("../fuzz/random.mjs").Random }} options
 * @returns {Promise<import("./report.mjs").Result>}
 */
export async function signals({ folder, engine, expected, random }) {
  /** @type {string[]} */
  const problems = [];
  let slowest = 0;
  const names = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const name of names) {
    const run = join(folder, `${name}-${engine}`);
    const { child, end } = start([configFile(run, engine)]);
    await reported(run, 1 + random.below(steps / 2), () => child.exitCode !== null);
    const at = performance.now();
    child.kill(name);
    const { code, stderr } = await end;
    slowest = Math.max(slowest, (performance.now() - at) / 1000);
    if (code !== 130) problems.push(`${name}: ended with ${code}, not 130: ${stderr.slice(-300)}`);
    if (!stderr.includes(`clip-ts train --resume ${run}`)) problems.push(`${name}: no way on is said`);
    if (newest(run)?.step !== metrics(run).length) problems.push(`${name}: steps are not saved`);
    const { code: resumed, stderr: said } = await start(["--resume", run]).end;
    if (resumed !== 0) problems.push(`${name}: cannot go on: ${said.slice(-300)}`);
    if (outcome(run) !== expected) problems.push(`${name}: losses or weights are others`);
    problems.push(...leftovers(run).map((file) => `${name}: ${file} is left behind`));
  }
  const figure = `${slowest.toFixed(1)} s to the end at most (goal ${limit} s)`;
  return { fault: "SIGINT, SIGTERM, SIGHUP", engine, tries: names.length, problems, figure };
}
