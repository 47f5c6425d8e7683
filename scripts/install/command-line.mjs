// @ts-check
// An installed command line: what its README tells to type, and two steps of training.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../run.mjs";

/** @typedef {import("./managers.mjs").Place} Place */

const config = `run: runs/tiny
model: { preset: nano }
data: { train: { kind: synthetic, count: 16 }, batchSize: 4 }
steps: 2
`;

/**
 * Runs a program that was installed in a folder.
 * @param {readonly string[]} words its name and arguments
 * @param {Place} place
 */
export function runInstalled([name = "", ...args], place) {
  return capture([join(place.folder, "node_modules", ".bin", name), ...args], place);
}

/**
 * Trains two steps of the smallest model on drawn shapes.
 * @param {string} program
 * @param {Place} place
 * @returns {Promise<{ readonly output: string, readonly problems: readonly string[] }>}
 */
export async function trainTwoSteps(program, place) {
  writeFileSync(join(place.folder, "train.yaml"), config);
  const { ok, output } = await runInstalled([program, "train", "train.yaml"], place);
  const last = join(place.folder, "runs", "tiny", "checkpoints");
  if (!ok || !existsSync(last)) return { output, problems: [`train\n${output}`] };
  return { output, problems: [] };
}

/**
 * Tries the commands of a README, the version and a training.
 * @param {string} program
 * @param {readonly (readonly string[])[]} commands
 * @param {Place} place
 * @returns {Promise<readonly string[]>} what is wrong
 */
export async function tryCommandLine(program, commands, place) {
  const lines = [`${program} --version`, `${program} doctor`, ...commands.map((words) => words.join(" "))];
  const problems = [];
  for (const line of new Set(lines)) {
    const { ok, output } = await runInstalled(line.split(" "), place);
    if (!ok || output.trim() === "") problems.push(`${line}\n${output}`);
  }
  const training = await trainTwoSteps(program, place);
  return [...problems, ...training.problems];
}
