// @ts-check
// Plays one program with the program of one tree on one engine.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run.mjs";
import { baseConfig } from "./programs.mjs";
import { batchOf } from "./tensors.mjs";
import { programOf } from "../tree.mjs";

/** Where the inputs of all programs lie. The fixtures are this tree's for both. */
const fixtures = join(root, "packages/test-utils/fixtures");

/**
 * @typedef {object} Stage
 * @property {string} tree the repository's folder
 * @property {string} out where results go
 * @property {string} teacher a small model folder
 * @property {string} texts a file of captions
 */

/** @param {string} text @param {Stage} stage */
const filled = (text, { out, teacher, texts }) =>
  text
    .replaceAll("{out}", out)
    .replaceAll("{teacher}", teacher)
    .replaceAll("{texts}", texts)
    .replaceAll("{fixtures}", fixtures);

/**
 * What a training starts from and learns from.
 * @param {string | undefined} fixture
 * @param {string} out
 */
function startOf(fixture, out) {
  if (fixture === undefined) return {};
  const model = join(fixtures, fixture);
  const path = join(out, "batches.safetensors");
  writeFileSync(path, batchOf(readFileSync(join(model, "io.safetensors"))));
  return { model: `{ from: ${model} }`, train: `{ kind: tensors, path: ${path} }` };
}

/**
 * @param {import("./programs.mjs").Program} program
 * @param {string} engine
 * @param {Stage} stage
 */
function argumentsOf({ command, settings = [], fixture }, engine, stage) {
  const { out } = stage;
  if (command !== undefined) {
    const args = command.map((text) => filled(text, stage));
    return args[0] === "convert" ? args : [...args, "--engine", engine, "--threads", "1"];
  }
  const file = join(out, "config-given.yaml");
  writeFileSync(file, `${baseConfig(join(out, "run"), engine, startOf(fixture, out))}\n`);
  return ["train", file, ...settings.flatMap((setting) => ["--set", filled(setting, stage)])];
}

/**
 * @param {import("./programs.mjs").Program} program
 * @param {string} engine
 * @param {Stage} stage
 * @returns {string | undefined} what went wrong, if it did
 */
export function play(program, engine, stage) {
  mkdirSync(stage.out, { recursive: true });
  const args = argumentsOf(program, engine, stage);
  const env = { ...process.env, CLIP_TS_DUMP_GRAPHS: join(stage.out, "graphs") };
  const command = [programOf(stage.tree), ...args];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8", env });
  return status === 0 ? undefined : `ended with ${status}: ${stderr.trim().slice(-400)}`;
}
