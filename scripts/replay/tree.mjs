// @ts-check
// A second tree of this repository at another revision, installed and built, beside the one at hand.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "../pnpm.mjs";
import { root } from "../run.mjs";

/** @param {readonly string[]} args */
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

/**
 * @param {string} folder
 * @param {import("../run.mjs").Command} command
 */
function within(folder, [program, ...args]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

/** The built program of a tree. @param {string} tree */
export const programOf = (tree) => join(tree, "apps/trainer/bin/clip-ts.js");

/**
 * Checks a revision out into a folder and builds it there, with TensorFlow if it is asked for.
 * @param {string} revision
 * @param {string} folder
 * @param {boolean} withTensorflow
 * @returns {string} the commit
 */
export function layOutTree(revision, folder, withTensorflow) {
  const commit = git("rev-parse", "--verify", `${revision}^{commit}`);
  if (!existsSync(folder)) git("worktree", "add", "--quiet", "--detach", folder, commit);
  within(
    folder,
    pnpm("install", "--frozen-lockfile", "--prefer-offline", "--config.confirmModulesPurge=false"),
  );
  within(folder, pnpm("build"));
  if (withTensorflow) within(folder, [process.execPath, programOf(folder), "setup", "tensorflow"]);
  return commit;
}

/** Removes such a tree, if it was laid out. @param {string} folder */
export function removeTree(folder) {
  if (existsSync(folder)) git("worktree", "remove", "--force", folder);
}
