// @ts-check
// A machine with only Node and npm can build this repository: npm lends the pinned pnpm.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./run.mjs";

/** @typedef {import("./run.mjs").Command} Command */

const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pinned = packageManager.replace("pnpm@", "");

/** @param {Command} command @returns {boolean} whether it is pnpm in the version that is pinned */
function isPinned([program, ...args]) {
  try {
    const options = /** @type {const} */ ({ cwd: root, stdio: "pipe", encoding: "utf8" });
    return execFileSync(program, [...args, "--version"], options).trim() === pinned;
  } catch {
    return false;
  }
}

/** @returns {string} the JavaScript of the npm or pnpm that runs this script, if one of them does */
const runningScript = () => process.env["npm_execpath"] ?? "";

/** @returns {Command[]} ways to call a pnpm that is here; as a .cmd file, which needs a shell, it is not */
function pnpmsHere() {
  const script = runningScript();
  const own = /pnpm\.[cm]?js$/u.test(script) ? [/** @type {const} */ ([process.execPath, script])] : [];
  return [...own, ["pnpm"]];
}

/** @returns {Command} npm itself, also where only `node` is on the PATH of an npm script */
function npm() {
  const beside = dirname(process.execPath);
  const script = [
    runningScript(),
    join(beside, "node_modules", "npm", "bin", "npm-cli.js"), // as Node is installed on Windows
    join(beside, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"), // and elsewhere
  ].find((path) => path.endsWith("npm-cli.js") && existsSync(path));
  return script === undefined ? ["npm"] : [process.execPath, script];
}

/** @type {Command | undefined} */
let launcher;

/**
 * The command that runs pnpm, in exactly the version package.json pins: the one on the PATH, or one
 * fetched and cached by npm. npm also puts it on the PATH of what pnpm starts, which turbo needs.
 * @param {...string} args
 * @returns {Command}
 */
export function pnpm(...args) {
  launcher ??= pnpmsHere().find(isPinned) ?? [
    ...npm(),
    "exec",
    "--loglevel=error",
    "--yes",
    `--package=pnpm@${pinned}`,
    "--",
    "pnpm",
  ];
  return [...launcher, ...args];
}
