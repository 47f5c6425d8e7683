// @ts-check
// Child processes that read files. One that takes too long is killed, one that dies is replaced.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Seconds after which a child that does not answer is killed: three times what a case may compute. */
const patience = 15;

/** MiB of memory after which a child is replaced, so that the next case starts small. */
const grown = 700;

/**
 * @typedef {object} Result
 * @property {"accepted" | "refused" | "foreign" | "crash" | "hang"} outcome
 * @property {string} [digest]
 * @property {string} [name]
 * @property {string} [code]
 * @property {string} [message]
 * @property {number} [length]
 * @property {string} [stack]
 * @property {number} seconds of computing
 * @property {number} rss MiB at most
 */

/** A child that has loaded what it needs. @returns {Promise<import("node:child_process").ChildProcess>} */
async function start() {
  const path = fileURLToPath(new URL("worker.mjs", import.meta.url));
  const child = fork(path, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  child.stderr?.on("data", (text) => (said += text));
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", () => reject(new Error(`No child starts; is everything built?\n${said}`)));
  });
  child.removeAllListeners();
  child.stderr?.removeAllListeners("data");
  return child;
}

/** @param {import("node:child_process").ChildProcess} child @param {object} job @returns {Promise<Result>} */
function ask(child, job) {
  return new Promise((resolve) => {
    let said = "";
    const hear = (/** @type {Buffer} */ text) => void (said = `${said}${text.toString()}`.slice(-300));
    child.stderr?.on("data", hear);
    const timer = setTimeout(() => child.kill("SIGKILL"), patience * 1000);
    const finish = (/** @type {Result} */ result) => {
      clearTimeout(timer);
      child.stderr?.off("data", hear);
      child.removeAllListeners();
      resolve(result);
    };
    child.once("message", (result) => finish(/** @type {Result} */ (result)));
    child.once("exit", (code, signal) => {
      const outcome = signal === "SIGKILL" ? "hang" : "crash";
      const message = `${outcome}: exit ${code ?? signal} ${said.trim()}`;
      finish({ outcome, message, seconds: outcome === "hang" ? patience : 0, rss: 0 });
    });
    child.send(job);
  });
}

/** One child at a time, for one chain of jobs. */
export async function startChild() {
  let child = await start();
  return {
    /** @param {{ reader: string, place: string }} job */
    async read(job) {
      const result = await ask(child, job);
      if (!child.connected || result.rss > grown) {
        child.kill("SIGKILL");
        child = await start();
      }
      return result;
    },
    close: () => void child.kill(),
  };
}
