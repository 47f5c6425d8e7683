// @ts-check
// The parent's half: starts a side, asks it, and reads from the system what it cost.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @typedef {Record<string, any>} Json
 * @typedef {object} SideSpec
 * @property {string} name as the table calls it
 * @property {readonly [program: string, ...args: string[]]} command
 * @property {Json} options sent to the side before anything is timed
 * @property {Readonly<Record<string, string>>} [environment]
 * @typedef {object} Outcome
 * @property {number} milliseconds
 * @property {number} [userMilliseconds] of processor time outside the system's own work, all threads
 *   together; Node's sides give it
 * @property {number} [cpuMilliseconds] of processor time, the system's work included
 * @property {any} shown what the sides are compared by
 * @typedef {object} Side
 * @property {string} name
 * @property {Json} facts
 * @property {number} prepareMilliseconds
 * @property {(request: Json) => Promise<Outcome>} run
 * @property {() => number | undefined} peakBytes most memory the process ever held, or held since `forgetPeak`
 * @property {() => void} forgetPeak
 * @property {() => number} cpuSeconds that all its threads have used
 * @property {() => Promise<void>} close
 */

const ticksPerSecond = 100; // USER_HZ, the same on every Linux that Node runs on

/**
 * A file of the process in /proc; nothing on systems without it.
 * @param {number} pid
 * @param {string} name
 */
function processFile(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function peakBytes(pid) {
  const kibibytes = /VmHWM:\s+(\d+) kB/u.exec(processFile(pid, "status") ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** @param {number} pid */
function cpuSeconds(pid) {
  // Behind the program's name, which may hold anything, user and system time are fields 12 and 13.
  const fields = processFile(pid, "stat")?.split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

/** @param {number} pid */
function forgetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Without it the peak is that of the whole life, which is no smaller.
  }
}

/** @param {string} text */
const lastLine = (text) => text.trim().split("\n").at(-1);

/**
 * Starts a side and prepares it. @throws Error with what the side printed last, if it ends early.
 * @param {SideSpec} spec
 * @returns {Promise<Side>}
 */
export async function startSide({ name, command: [program, ...args], options, environment }) {
  const child = spawn(program, args, {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text) => (printed = (printed + text).slice(-4000)));
  }
  child.stdin?.on("error", () => undefined); // a side that ends early is told of by its exit
  /** @type {Promise<never>} */
  const ended = new Promise((_, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) =>
      reject(new Error(`${name} ended early (${signal ?? `code ${code}`}): ${lastLine(printed)}`)),
    );
  });
  ended.catch(() => undefined);
  const replies = createInterface({
    input: /** @type {import("node:stream").Readable} */ (child.stdio[3]),
  })[Symbol.asyncIterator]();
  /** @param {Json} request */
  const ask = async (request) => {
    child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await Promise.race([replies.next(), ended]);
    if (done === true) return ended;
    return JSON.parse(value);
  };
  const pid = child.pid ?? 0;
  const { facts, milliseconds } = await ask(options);
  return {
    name,
    facts,
    prepareMilliseconds: milliseconds,
    run: ask,
    peakBytes: () => peakBytes(pid),
    forgetPeak: () => forgetPeak(pid),
    cpuSeconds: () => cpuSeconds(pid),
    async close() {
      child.stdin?.end();
      await ended.catch(() => undefined);
    },
  };
}
