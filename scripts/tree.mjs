// @ts-check
// A second tree of this repository at another revision, installed and built, beside the one at hand.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "./pnpm.mjs";
import { root } from "./run.mjs";

/** @param {readonly string[]} args */
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();

/**
 * @param {string} folder
 * @param {import("./run.mjs").Command} command
 */
function within(folder, [program, ...args]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

/** The built program of a tree. @param {string} tree */
export const programOf = (tree) => join(tree, "apps/trainer/bin/clip-ts.js");

/**
 * The commit a revision names. @throws Error if git knows none
 * @param {string} revision
 */
export const commitOf = (revision) => git("rev-parse", "--verify", `${revision}^{commit}`);

/** The commit of the tree at hand, short, and whether files were changed since: `0123456789ab-dirty`. */
export const describeOwnTree = () => git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*");

/**
 * Checks a revision out into a folder and builds it there, with TensorFlow if it is asked for.
 * @param {string} revision
 * @param {string} folder
 * @param {boolean} withTensorflow
 * @returns {string} the commit
 */
export function layOutTree(revision, folder, withTensorflow) {
  const commit = commitOf(revision);
  if (!existsSync(folder)) git("worktree", "add", "--quiet", "--detach", folder, commit);
  within(folder, pnpm("install", "--frozen-lockfile", "--prefer-offline", "--config.confirmModulesPurge=false"));
  within(folder, pnpm("build"));
  if (withTensorflow) within(folder, [process.execPath, programOf(folder), "setup", "tensorflow"]);
  return commit;
}

/** Removes such a tree, if it was laid out. @param {string} folder */
export function removeTree(folder) {
  if (!existsSync(folder)) return;
  rmSync(folder, { recursive: true, force: true }); // a second Ctrl-C would stop git half way
  try {
    git("worktree", "remove", "--force", folder);
  } catch {
    // Git was stopped before it knew the tree, or is now; it forgets trees that are gone by itself.
  }
}
