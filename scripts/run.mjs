// @ts-check
// Starting programs: quietly with their output kept, or in the foreground with the terminal shared.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's top folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const onWindows = process.platform === "win32";

/** @typedef {readonly [program: string, ...arguments: string[]]} Command */

/**
 * A program installed in the repository's node_modules.
 * @param {string} name
 * @param {...string} args
 * @returns {Command}
 */
export function tool(name, ...args) {
  return [join(root, "node_modules", ".bin", name), ...args];
}

/**
 * Runs a command and keeps what it prints. One that takes longer than `timeout` milliseconds is ended.
 * @param {Command} command
 * @param {{ folder?: string, env?: NodeJS.ProcessEnv, timeout?: number }} [place]
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function capture([program, ...args], { folder = root, env = process.env, timeout } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: folder,
      env,
      timeout,
      shell: onWindows,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    }
    child.on("error", (error) => resolve({ ok: false, output: `${output}${error.message}\n` }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * Runs a command on this terminal and resolves to its exit code. Ctrl-C is the child's to handle: it
 * may have to save its work first, so this process only waits. On a terminal the child gets the
 * signal by itself; without one it is passed on.
 * @param {Command} command
 * @param {string} [folder]
 * @returns {Promise<number>}
 */
export function foreground([program, ...args], folder = root) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, shell: onWindows, stdio: "inherit" });
    const interrupt = () => void (process.stdin.isTTY || child.kill("SIGINT"));
    const terminate = () => void child.kill("SIGTERM");
    process.on("SIGINT", interrupt).on("SIGTERM", terminate);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", interrupt).off("SIGTERM", terminate);
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}
