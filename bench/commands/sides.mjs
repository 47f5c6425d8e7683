// @ts-check
// How each side is started.
import { fileURLToPath } from "node:url";
import { inspectEngines } from "@clip-ts/engines";

/** @typedef {import("../measure/side.mjs").SideSpec} SideSpec */

/** @param {string} name */
const pathOf = (name) => fileURLToPath(new URL(`../sides/${name}`, import.meta.url));

/**
 * A side that is a Node program.
 * @param {string} name
 * @param {string} script
 * @param {Record<string, any>} options
 * @returns {SideSpec}
 */
export const nodeSide = (name, script, options) => ({
  name,
  command: [process.execPath, pathOf(script)],
  options,
});

/**
 * The side that is PyTorch with open_clip, if it takes part and there is a Python for it.
 * @param {import("./run.mjs").Run} run
 * @param {string} task
 * @param {Record<string, any>} options
 * @param {string} [name]
 * @returns {Promise<SideSpec[]>}
 */
export async function openClipSide({ options: { peers, threads }, python }, task, options, name) {
  if (!peers.includes("open_clip")) return [];
  const interpreter = await python();
  if (interpreter === undefined) return [];
  const command = /** @type {const} */ ([interpreter, pathOf("open_clip_side.py"), task]);
  return [{ name: name ?? "open_clip", command, options: { ...options, threads } }];
}

/**
 * Another side in Python, for comparisons that open_clip takes part in.
 * @param {import("./run.mjs").Run} run
 * @param {{ name: string, words: readonly [script: string, task: string], options: Record<string, any> }} side
 * @returns {Promise<SideSpec[]>}
 */
export async function pythonSide({ options: { peers }, python }, { name, words: [script, task], options }) {
  if (!peers.includes("open_clip")) return [];
  const interpreter = await python();
  if (interpreter === undefined) return [];
  return [{ name, command: [interpreter, pathOf(script), task], options: { ...options, threads: 1 } }];
}

/**
 * The engines asked for that can run here; without a word on engines, those that compile.
 * @param {import("./run.mjs").Run} run
 */
export function enginesHere({ options: { engines }, note }) {
  const states = new Map(inspectEngines().map((status) => [status.name, status]));
  const names = engines ?? ["tensorflow", "onnx"];
  return names.flatMap((engine) => {
    const status = states.get(/** @type {any} */ (engine));
    if (status === undefined) note(`skipped clip-ts ${engine}: there is no such engine`);
    else if (!status.available) note(`skipped clip-ts ${engine}: ${status.detail}`);
    else return [engine];
    return [];
  });
}

/**
 * clip-ts on each of those engines.
 * @param {import("./run.mjs").Run} run
 * @param {string} script
 * @param {Record<string, any>} options
 * @returns {SideSpec[]}
 */
export function clipTsSides(run, script, options) {
  const { threads, precision } = run.options;
  return enginesHere(run).map((engine) =>
    nodeSide(`clip-ts ${engine}`, script, { ...options, engine, threads, precision }),
  );
}

/**
 * The same functions run operation by operation by tfjs-node, if it takes part and its native part is
 * there: what TensorFlow.js does by itself.
 * @param {import("./run.mjs").Run} run
 * @param {string} script
 * @param {Record<string, any>} options
 * @returns {SideSpec[]}
 */
export function tfjsNodeSide({ options: { peers, threads, precision }, note }, script, options) {
  if (!peers.includes("tfjs-node") || precision !== "f32") return [];
  const status = inspectEngines().find(({ name }) => name === "tensorflow");
  if (status?.available !== true) {
    note(`skipped tfjs-node: ${status?.detail ?? "there is no such engine"}`);
    return [];
  }
  const engine = { engine: "tensorflow", eager: true, threads, precision };
  return [nodeSide("tfjs-node eager", script, { ...options, ...engine })];
}
