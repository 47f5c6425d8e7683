// @ts-check
// A small run of the built program in a process of its own, which can be killed, and what it left on disk.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../apps/trainer/bin/clip-ts.js", import.meta.url));

/** Steps of every run, and steps between checkpoints: most of a run's time goes into writing them. */
export const steps = 40;
const every = 2;

/** @typedef {{ code: number | null, signal: string | null, stderr: string, seconds: number }} End */

/**
 * Writes a run's config.
 * @param {string} run its folder
 * @param {string} engine
 * @param {string} [data] YAML of the training data
 * @returns {string} the config's file
 */
export function configFile(run, engine, data = "{ kind: synthetic, count: 64 }") {
  const file = `${run}.yaml`;
  const lines = [
    `run: ${run}`,
    `engine: ${engine}`,
    "model: { preset: nano }",
    `data: { train: ${data}, batchSize: 8 }`,
    `steps: ${steps}`,
    `checkpoint: { every: ${every}, keep: 2 }`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

/**
 * Starts `clip-ts train`.
 * @param {readonly string[]} args
 * @returns {{ child: import("node:child_process").ChildProcess, end: Promise<End> }}
 */
export function start(args) {
  const began = performance.now();
  const child = spawn(process.execPath, [program, "train", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => (stderr += text));
  const end = new Promise((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ code, signal, stderr, seconds: (performance.now() - began) / 1000 });
    });
  });
  return { child, end };
}

/** @param {readonly string[]} args @returns {Promise<End>} */
export const runToEnd = (args) => start(args).end;

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/**
 * Waits until a run has written as many lines of metrics.
 * @param {string} run
 * @param {number} lines
 * @param {() => boolean} isOver whether it ended meanwhile
 */
export async function reported(run, lines, isOver) {
  while (!isOver() && metrics(run).length < lines) await pause(5);
}

/**
 * The losses a run has recorded, in order; a line that was cut by a kill is none.
 * @param {string} run
 * @returns {{ step: number, loss: number }[]}
 */
export function metrics(run) {
  const file = join(run, "metrics.jsonl");
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        const { step, loss } = JSON.parse(line);
        return [{ step, loss }];
      } catch {
        return [];
      }
    });
}

/** @param {string} file */
const digest = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/**
 * What stands in a run's newest checkpoint, each file held against the digest that was kept for it.
 * @param {string} run
 * @returns {{ step: number, problem?: string } | undefined} undefined if there is none
 */
export function newest(run) {
  const latest = join(run, "latest");
  if (!existsSync(latest)) return undefined;
  const folder = realpathSync(latest);
  const { step, files } = JSON.parse(readFileSync(join(folder, "state.json"), "utf8"));
  for (const [name, { sha256 }] of Object.entries(files)) {
    if (digest(join(folder, name)) !== sha256) return { step, problem: `${name} is not whole` };
  }
  return { step };
}

/**
 * What a finished run is compared by: every loss, and the bytes of its weights and of its optimizer.
 * @param {string} run
 */
export function outcome(run) {
  const files = ["model.safetensors", "optimizer.safetensors"];
  return JSON.stringify({
    losses: metrics(run),
    files: files.map((name) => digest(join(run, "latest", name))),
  });
}

/**
 * What a finished run should not have left behind.
 * @param {string} run
 * @returns {string[]}
 */
export function leftovers(run) {
  const own = readdirSync(run).filter((name) => /lock|tmp|incomplete/.test(name));
  const checkpoints = readdirSync(join(run, "checkpoints"));
  return [...own, ...checkpoints.filter((name) => !/^step-\d+$/.test(name))];
}
