// @ts-check
// Steps of training in processes of their own, as a launcher starts ranks.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Took what a step of rank 0 took
 * @property {number} milliseconds
 * @property {number} cpuMilliseconds
 * @property {number} gatherMilliseconds from a gather's turn to its end, waiting for the other ranks included
 * @property {number} sumMilliseconds the same of sums
 * @property {number} bytes that were passed
 */

const side = fileURLToPath(new URL("../sides/train-ranks.mjs", import.meta.url));

/**
 * The steps of one process, or of rank 0 of several.
 * @param {readonly string[]} launcher
 * @param {Record<string, any>} options
 * @returns {Promise<Took[]>}
 */
export function stepsOf(launcher, options) {
  const [program, ...args] = [...launcher, process.execPath, side, JSON.stringify(options)];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [printed, failed] = ["", ""];
  child.stdout.on("data", (text) => (printed += text));
  child.stderr.on("data", (text) => (failed = (failed + text).slice(-4000)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const lines = printed.split("\n").filter((line) => line.startsWith("{"));
      if (code === 0) resolve(lines.map((line) => JSON.parse(line)));
      else reject(new Error(`${program} ended with ${code}: ${failed.trim()}`));
    });
  });
}
