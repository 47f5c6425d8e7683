// @ts-check
import { capture } from "../run.mjs";

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
 * A check that passes when a program does.
 * @param {import("../run.mjs").Command} program
 * @returns {() => Promise<Outcome>}
 */
export function command(program) {
  return async () => {
    const { ok, output } = await capture(program);
    return verdict(ok ? [] : [output]);
  };
}
