// @ts-check
import { capture, tool } from "../run.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number, output: string }} Outcome */

/**
 * A check that passed, or failed for the reasons given.
 * @param {readonly string[]} problems
 * @returns {Outcome}
 */
export function verdict(problems) {
  const failed = problems.length > 0 ? 1 : 0;
  return { passed: 1 - failed, failed, skipped: 0, output: problems.join("\n") };
}

/**
 * A check that passes when a program of node_modules does, which may be installed only later.
 * @param {string} name
 * @param {...string} args
 * @returns {() => Promise<Outcome>}
 */
export function command(name, ...args) {
  return async () => {
    const { ok, output } = await capture(tool(name, ...args));
    return verdict(ok ? [] : [output]);
  };
}

/**
 * A check of the repository's files, skipped out loud where git cannot list them.
 * @param {() => Promise<Outcome>} check
 * @returns {() => Promise<Outcome>}
 */
export function withGit(check) {
  return async () => {
    const { ok } = await capture(["git", "rev-parse", "--is-inside-work-tree"]);
    const reason = "Skipped: without git there is no list of the repository's files.";
    return ok ? check() : { passed: 0, failed: 0, skipped: 1, output: reason };
  };
}

/**
 * Checks that count as one, which passes when all do.
 * @param {...(() => Promise<Outcome>)} checks
 * @returns {() => Promise<Outcome>}
 */
export function allOf(...checks) {
  return async () => {
    const outcomes = await Promise.all(checks.map((check) => check()));
    return verdict(outcomes.filter(({ failed }) => failed > 0).map(({ output }) => output));
  };
}
