// @ts-check
// Installing into an empty folder as a user does, by npm and by pnpm at its strictest.
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "../pnpm.mjs";
import { capture } from "../run.mjs";

/**
 * @typedef {"npm" | "pnpm"} Manager
 * @typedef {{ readonly folder: string, readonly env: NodeJS.ProcessEnv, readonly timeout: number }} Place
 * @typedef {{ readonly ok: boolean, readonly output: string, readonly seconds: number }} Installed
 */

/** Set by the package manager that started this script; they would tell another about the wrong folder. */
const inherited = /^(?:npm_(?:package|lifecycle|config_local_prefix|command|execpath)|NODE_PATH$|INIT_CWD$)/iu;

/**
 * The environment of a user's terminal. CUDA's part of ONNX Runtime is not downloaded, which takes minutes.
 * @param {NodeJS.ProcessEnv} [extra]
 * @returns {NodeJS.ProcessEnv}
 */
export function userEnvironment(extra = { ONNXRUNTIME_NODE_INSTALL: "skip" }) {
  const kept = Object.entries(process.env).filter(([name]) => !inherited.test(name));
  const direct = [process.env["NO_PROXY"], "127.0.0.1"].filter(Boolean).join(",");
  return { ...Object.fromEntries(kept), NO_PROXY: direct, no_proxy: direct, ...extra };
}

/** No package sees what it does not depend on. */
const strictPnpm = `nodeLinker: isolated
hoist: false
publicHoistPattern: []
`;

/** Nothing that is done in a project takes nearly as long, in milliseconds. */
const timeout = 600_000;

/**
 * Makes a project that has nothing installed.
 * @param {string} folder
 * @param {{ address: string, name: string }} source of the packed packages: only what is in the scope
 *   comes from there, so that all else comes from where it always does, with its cache
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Place}
 */
export function emptyProject(folder, { address, name }, env = userEnvironment()) {
  mkdirSync(folder, { recursive: true });
  const manifest = { private: true, type: "module" };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const scopes = name.startsWith("@") ? ["@clip-ts:"] : ["@clip-ts:", ""];
  const lines = scopes.map((scope) => `${scope}registry=${address}\n`);
  writeFileSync(join(folder, ".npmrc"), lines.join(""));
  writeFileSync(join(folder, "pnpm-workspace.yaml"), strictPnpm);
  return { folder, env, timeout };
}

/** pnpm runs no installer that nobody approved, says which, and has installed all the same. */
const isOnlyCareful = (/** @type {string} */ output) => output.includes("ERR_PNPM_IGNORED_BUILDS");

/**
 * Installs what a README's install line names.
 * @param {Manager} manager
 * @param {readonly string[]} words
 * @param {Place} place
 * @returns {Promise<Installed>}
 */
export async function install(manager, words, place) {
  const startedAt = performance.now();
  const { ok, output } = await capture(
    manager === "npm"
      ? ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", ...words]
      : pnpm("add", "--prefer-offline", ...words),
    place,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { ok: ok || (manager === "pnpm" && isOnlyCareful(output)), output, seconds };
}

/**
 * Bytes of all files below a folder, each counted once however many names it has.
 * @param {string} folder
 * @param {Set<number>} [counted]
 * @returns {number}
 */
export function sizeOf(folder, counted = new Set()) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += sizeOf(path, counted);
    if (!entry.isFile()) continue;
    const { ino, size } = lstatSync(path);
    if (!counted.has(ino)) bytes += size;
    counted.add(ino);
  }
  return bytes;
}
