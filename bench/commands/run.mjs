// @ts-check
import { findPython } from "../python/environment.mjs";
import { formatReport, recordReport } from "../report/record.mjs";

/**
 * What every command is given.
 * @typedef {object} Run
 * @property {import("../options.mjs").Options} options
 * @property {string} workspace folder for what the sides read
 * @property {(line: string) => void} note tells the person at the terminal what happens
 * @property {(name: string, make: () => Promise<any>) => Promise<any>} once makes a thing that several
 *   commands need, once
 * @property {() => Promise<string | undefined>} python an interpreter for the peers that need one
 * @property {(report: import("../report/record.mjs").Report) => void} publish prints results, and keeps
 *   them if that is asked for
 */

/**
 * @param {import("../options.mjs").Options} options
 * @param {string} workspace
 * @returns {Run}
 */
export function createRun(options, workspace) {
  /** @type {Run["note"]} */
  const note = (line) => void process.stderr.write(`${line}\n`);
  /** @type {Map<string, Promise<any>>} */
  const made = new Map();
  /** @type {Run["once"]} */
  const once = (name, make) => {
    const known = made.get(name) ?? make();
    made.set(name, known);
    return known;
  };
  const python = () => once("python", () => findPython(options.python, note));
  /** @type {Run["publish"]} */
  const publish = (report) => {
    process.stdout.write(`\n${formatReport(report)}\n`);
    if (options.record !== undefined) recordReport(options.record, report);
  };
  return { options, workspace, note, once, python, publish };
}

/**
 * The same run with some options changed.
 * @param {Run} run
 * @param {Partial<import("../options.mjs").Options>} changes
 * @returns {Run}
 */
export const withOptions = (run, changes) => ({ ...run, options: { ...run.options, ...changes } });

/**
 * How the sides of this run are interleaved.
 * @param {Run} run
 * @returns {import("../measure/rounds.mjs").Rounds}
 */
export const roundsOf = ({ options: { rounds, warmup, quick }, note }) => ({
  rounds,
  warmup,
  settle: quick ? 0 : 200,
  note,
});
