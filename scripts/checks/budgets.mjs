// @ts-check
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run.mjs";
import { verdict } from "./outcome.mjs";
import { repositoryFiles } from "./workspace.mjs";

const maxReadmeLines = 60;
const maxMedianLines = 120;

/** @param {string} path */
const countLines = (path) => readFileSync(join(root, path), "utf8").trimEnd().split("\n").length;

/**
 * A package README fits on one screen, and the typical source file does too.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function budgets() {
  const readmes = repositoryFiles("packages/*/README.md")
    .map((path) => ({ path, lines: countLines(path) }))
    .filter(({ lines }) => lines > maxReadmeLines);
  const sizes = repositoryFiles(":(glob)packages/*/src/**/*.ts", ":(glob)apps/*/src/**/*.ts")
    .filter((path) => !/\.test\.ts$|\/fixtures\/|\/generated\/|clip-merges\.ts$/u.test(path))
    .map(countLines)
    .toSorted((a, b) => a - b);
  const median = sizes[Math.floor(sizes.length / 2)] ?? 0;
  return verdict([
    ...readmes.map(({ path, lines }) => `${path} has ${lines} lines, at most ${maxReadmeLines}.`),
    ...(median > maxMedianLines ? [`The median source file has ${median} lines, at most ${maxMedianLines}.`] : []),
  ]);
}
