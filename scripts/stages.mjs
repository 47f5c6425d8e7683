// @ts-check
// What comes before any job: the right Node, installed packages, built packages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "./pnpm.mjs";
import { capture, root } from "./run.mjs";

process.env["TURBO_TELEMETRY_DISABLED"] = "1";
process.env["TURBO_NO_UPDATE_NOTIFIER"] = "1";

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

/** Stops with one readable sentence on a Node that is too old. */
export function requireNode() {
  const wanted = JSON.parse(read("package.json") ?? "{}").engines.node.replace(">=", "");
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  console.error(`clip-ts needs Node ${wanted} or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}

/**
 * Runs one stage: a line with its time, and all it printed if it fails.
 * @param {string} label
 * @param {import("./run.mjs").Command} command
 * @returns {Promise<boolean>} whether it succeeded
 */
async function stage(label, command) {
  const startedAt = performance.now();
  process.stdout.write(`${label} ... `);
  const { ok, output } = await capture(command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(ok ? `${seconds} s\n` : `failed after ${seconds} s\n\n${output}\n`);
  return ok;
}

/**
 * Installs what the lockfile names, unless exactly that is installed already.
 * @returns {Promise<boolean>} whether it is there now
 */
export async function install() {
  if (read("pnpm-lock.yaml") === read("node_modules/.pnpm/lock.yaml")) return true;
  const flags = ["--frozen-lockfile", "--config.confirmModulesPurge=false"];
  return stage("Installing packages", pnpm("install", ...flags));
}

/**
 * Builds the workspace, or what `filter` selects of it; what has not changed comes from turbo's cache.
 * @param {...string} filter
 * @returns {Promise<boolean>} whether all of it was built
 */
export function build(...filter) {
  const flags = ["--output-logs=errors-only", "--continue=dependencies-successful"];
  const selection = filter.map((selector) => `--filter=${selector}`);
  return stage("Building", pnpm("exec", "turbo", "run", "build", ...flags, ...selection));
}
