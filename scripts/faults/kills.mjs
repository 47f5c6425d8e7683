// @ts-check
// kill -9 at random moments: nothing that was saved is lost, and the run ends where an undisturbed one ends.
import { join } from "node:path";
import { configFile, leftovers, metrics, newest, outcome, pause, reported, start, steps } from "./trainer.mjs";

/** @typedef {import("../fuzz/random.mjs").Random} Random */
/** @typedef {import("./report.mjs").Result} Result */

/**
 * Lets a trainer go on for a random while and kills it: one time in four while it starts, else at or soon
 * after a random step, where it may be writing a checkpoint.
 * @param {string} run
 * @param {readonly string[]} args
 * @param {Random} random
 */
async function killOnce(run, args, random) {
  const { child, end } = start(args);
  let isOver = false;
  void end.then(() => (isOver = true));
  const before = metrics(run).length;
  if (random.below(4) === 0) await pause(random.next() * 1500);
  else {
    await reported(run, before + 1 + random.below(8), () => isOver);
    await pause(random.next() * 40);
  }
  child.kill("SIGKILL");
  return end;
}

/** @param {string} run how a run begins or goes on @param {string} config */
const argsFor = (run, config) => (newest(run) === undefined ? [config] : ["--resume", run]);

/**
 * @param {string} run
 * @param {number} saved the newest step saved before
 * @returns {{ saved: number, problem?: string }}
 */
function lookAfterKill(run, saved) {
  const found = newest(run);
  if (found === undefined) return saved > 0 ? { saved, problem: "no checkpoint is left" } : { saved };
  if (found.problem !== undefined) return { saved, problem: `latest: ${found.problem}` };
  if (found.step < saved) return { saved, problem: `step ${saved} was saved, ${found.step} is left` };
  return { saved: found.step };
}

/**
 * Kills a run until it has ended or the kills are used up, then lets it end.
 * @param {{ run: string, config: string, kills: number, random: Random }} options
 */
async function tormented({ run, config, kills, random }) {
  /** @type {string[]} */
  const problems = [];
  let [saved, done] = [0, 0];
  for (; done < kills && saved < steps; done++) {
    const { code, stderr } = await killOnce(run, argsFor(run, config), random);
    if (code !== null && code !== 0) problems.push(`ended with ${code}: ${stderr.slice(-300)}`);
    const after = lookAfterKill(run, saved);
    if (after.problem !== undefined) problems.push(after.problem);
    saved = after.saved;
    if (code !== null) break; // it was quicker than the kill
  }
  const { code, stderr } = await start(argsFor(run, config)).end;
  if (code !== 0 && saved < steps) problems.push(`cannot go on: ${stderr.slice(-300)}`);
  return { problems, done };
}

/**
 * @param {{ folder: string, engine: string, expected: string, kills: number, random: Random }} options
 * `expected`: the outcome of an undisturbed run
 * @returns {Promise<Result>}
 */
export async function kills({ folder, engine, expected, kills: wanted, random }) {
  /** @type {string[]} */
  const problems = [];
  let done = 0;
  for (let round = 0; done < wanted; round++) {
    const run = join(folder, `killed-${engine}-${round}`);
    const config = configFile(run, engine);
    const found = await tormented({ run, config, kills: wanted - done, random });
    done += found.done;
    problems.push(...found.problems, ...leftovers(run).map((name) => `${name} is left behind`));
    if (outcome(run) !== expected) problems.push(`${run}: losses or weights are others`);
  }
  return { fault: "kill -9 at a random moment", engine, tries: done, problems };
}
