// @ts-check
// A machine with only Node and npm can build this repository: npm lends the pinned pnpm.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.mjs";

/** @typedef {import("./run.mjs").Command} Command */

const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pinned = packageManager.replace("pnpm@", "");

/** @returns {boolean} */
function hasPinnedPnpm() {
  try {
    const version = execFileSync("pnpm", ["--version"], {
      cwd: root,
      shell: process.platform === "win32",
      stdio: "pipe",
      encoding: "utf8",
    });
    return version.trim() === pinned;
  } catch {
    return false;
  }
}

/** @returns {Command} npm itself, also where only `node` is on the PATH of an npm script */
function npm() {
  const script = process.env["npm_execpath"] ?? "";
  return script.endsWith("npm-cli.js") ? [process.execPath, script] : ["npm"];
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
  launcher ??= hasPinnedPnpm()
    ? ["pnpm"]
    : [...npm(), "exec", "--loglevel=error", "--yes", `--package=pnpm@${pinned}`, "--", "pnpm"];
  return [...launcher, ...args];
}
