// @ts-check
// ONNX Runtime's installer downloads CUDA's part on Linux. Where it cannot, the install must succeed all
// the same, and what runs without it must say so.
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { capture } from "../run.mjs";
import { runInstalled, trainTwoSteps } from "./command-line.mjs";
import { userEnvironment } from "./managers.mjs";

/** @typedef {import("./managers.mjs").Place} Place */

const fix = /ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@[\d.]+$/mu;

/** Where there is no such download, nothing can be blocked. */
export const hasDownload = process.platform === "linux" && process.arch === "x64";

/** @returns {Promise<number>} a port of this machine at which nobody answers */
async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return bound !== null && typeof bound === "object" ? bound.port : 9;
}

/** An environment in which the installer's downloads, and only those, meet a closed port. */
export async function blockedEnvironment() {
  const nobody = `http://127.0.0.1:${await closedPort()}`;
  const proxies = { GLOBAL_AGENT_HTTP_PROXY: nobody, GLOBAL_AGENT_HTTPS_PROXY: nobody };
  return userEnvironment({ ...proxies, GLOBAL_AGENT_FORCE_GLOBAL_AGENT: "true" });
}

/**
 * @param {string} program
 * @param {Place} place
 * @returns {Promise<string[]>} what is wrong while ONNX Runtime is missing
 */
async function tryWithout(program, place) {
  const problems = [];
  const doctor = await runInstalled([program, "doctor"], place);
  if (!doctor.ok || !/engine +wasm/u.test(doctor.output) || !fix.test(doctor.output)) {
    problems.push(`doctor should compute on wasm and say what is missing:\n${doctor.output}`);
  }
  const training = await trainTwoSteps(program, place);
  const [first = "", second = ""] = training.output.split("\n");
  if (!/onnxruntime-node.*ten times slower/u.test(first) || !fix.test(second)) {
    problems.push(`The first line of train should say what is missing:\n${training.output}`);
  }
  const asked = await runInstalled([program, "doctor", "--engine", "onnx"], place);
  if (asked.ok || !fix.test(asked.output)) {
    problems.push(`doctor --engine onnx should fail with the line to type:\n${asked.output}`);
  }
  return [...problems, ...training.problems];
}

/**
 * Tries a command line that was installed while the download was blocked, then types the line it shows.
 * @param {string} program
 * @param {Place} place
 * @returns {Promise<readonly string[]>} what is wrong
 */
export async function tryBlocked(program, place) {
  if (existsSync(join(place.folder, "node_modules", "onnxruntime-node"))) {
    return ["onnxruntime-node was installed: its download was not blocked."];
  }
  const problems = await tryWithout(program, place);
  const { output } = await runInstalled([program, "doctor"], place);
  const [line = "false"] = fix.exec(output) ?? [];
  const typed = await capture(["sh", "-c", line], place);
  const after = await runInstalled([program, "doctor"], place);
  if (!typed.ok || !/engine +onnx /u.test(after.output)) {
    problems.push(`${line} should bring it back:\n${typed.output}\n${after.output}`);
  }
  return problems;
}
