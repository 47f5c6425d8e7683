// @ts-check
// Starting programs: quietly with their output kept, or in the foreground with the terminal shared. Never
// through a shell, which would take apart paths with blanks, `&` or `$` (and so never a .cmd file of Windows).
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's top folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** @typedef {readonly [program: string, ...arguments: string[]]} Command */

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/**
 * The script behind a program of a package's dependencies.
 * @param {string} name
 * @param {string} folder of the package
 */
function scriptOf(name, folder) {
  const { dependencies, devDependencies } = readJson(join(folder, "package.json"));
  for (const dependency of Object.keys({ ...dependencies, ...devDependencies })) {
    const place = join(folder, "node_modules", dependency);
    const { bin = {}, name: itsName } = readJson(join(place, "package.json"));
    const script = typeof bin === "string" && itsName === name ? bin : bin[name];
    if (script !== undefined) return join(place, script);
  }
  throw new Error(`No dependency of ${join(folder, "package.json")} has a program ${name}.`);
}

/**
 * A program that the packages in the repository's node_modules bring, started by this Node.
 * @param {string} name
 * @param {...string} args
 * @returns {Command}
 */
export function tool(name, ...args) {
  return toolOf(root, name, ...args);
}

/**
 * A program that the dependencies of one package bring.
 * @param {string} folder of the package
 * @param {string} name
 * @param {...string} args
 * @returns {Command}
 */
export function toolOf(folder, name, ...args) {
  return [process.execPath, scriptOf(name, folder), ...args];
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
    const child = spawn(program, args, { cwd: folder, stdio: "inherit" });
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
