// @ts-check
// One row of the table: a package, installed by one package manager into a folder of its own and tried.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { blockedEnvironment, hasDownload, tryBlocked } from "./blocked.mjs";
import { tryCommandLine } from "./command-line.mjs";
import { bundleExample } from "./bundle.mjs";
import { compile, importing, isWebPackage, runCompiled } from "./example.mjs";
import { riskyInstallers } from "./install-scripts.mjs";
import { emptyProject, install, sizeOf } from "./managers.mjs";
import { readReadme } from "./readme.mjs";
import { searchAndServe } from "./search-and-serve.mjs";

/**
 * @typedef {import("./managers.mjs").Place} Place
 * @typedef {object} Subject a package to install
 * @property {string} name
 * @property {string} source its folder, relative to the root
 * @property {string | undefined} program the command line that it brings
 * @property {readonly string[]} entries what can be imported of it
 * @typedef {object} Row
 * @property {string} name
 * @property {string} manager
 * @property {number} [seconds]
 * @property {number} [bytes]
 * @property {string} example
 * @property {string} types
 * @property {readonly string[]} problems
 * @property {string} [skipped] why there is nothing to count
 */

const mark = (/** @type {readonly string[]} */ problems) => (problems.length === 0 ? "ok" : "FAILED");

/**
 * Runs what the README of an installed package shows.
 * @param {Subject} subject
 * @param {Place} place
 * @returns {Promise<readonly string[]>} what is wrong
 */
async function runShown({ source, program }, place) {
  const { code, commands } = readReadme(source);
  if (program !== undefined) {
    return [...(await tryCommandLine(program, commands, place)), ...(await searchAndServe(program, place))];
  }
  if (code === undefined) return [`${source}/README.md shows no ts example.`];
  const ran = await runCompiled("example.js", place, { prints: true });
  return isWebPackage(source) ? [...ran, ...(await bundleExample(place))] : ran;
}

/**
 * Runs and type-checks what the README of an installed package shows, and imports its entries.
 * @param {Subject} subject
 * @param {Place} place
 * @returns {Promise<Pick<Row, "example" | "types" | "problems">>}
 */
async function tryPackage(subject, place) {
  const { source, entries } = subject;
  const { code } = readReadme(source);
  const example = code === undefined ? {} : { "example.ts": code };
  const files = { "entries.ts": importing(entries), ...example };
  const compiled = await compile(source, files, place);
  const ran = [...(await runCompiled("entries.js", place, { prints: false })), ...(await runShown(subject, place))];
  const inEngines = compiled.inEngines > 0 ? ` (engines: ${compiled.inEngines})` : "";
  return {
    example: mark(ran),
    types: `${mark(compiled.problems)}${inEngines}`,
    problems: [...compiled.problems, ...ran],
  };
}

/**
 * Installs a package as its README says, and tries it.
 * @param {Subject} subject
 * @param {import("./managers.mjs").Manager} manager
 * @param {{ base: string, address: string, keep: boolean }} site
 * @returns {Promise<Row>}
 */
export async function packageRow(subject, manager, { base, address, keep }) {
  const { name, source, program } = subject;
  const { installed } = readReadme(source);
  const words = installed.length > 0 ? installed : [name];
  const folder = join(base, `${name.replace("/", "+")}-${manager}`);
  const place = emptyProject(folder, { address, name });
  const { ok, output, seconds } = await install(manager, words, place);
  const row = { name, manager, seconds, example: "-", types: "-" };
  if (!ok) return { ...row, problems: [`The install failed:\n${output}`] };
  const risky = manager === "npm" ? riskyInstallers(folder, words) : [];
  const bytes = sizeOf(join(folder, "node_modules"));
  const tried = await tryPackage(subject, place);
  const unsaid =
    installed.length > 0 || program !== undefined
      ? []
      : [`${source}/README.md has no line that begins with "npm install".`];
  if (!keep) rmSync(folder, { recursive: true, force: true });
  return { ...row, bytes, ...tried, problems: [...risky, ...unsaid, ...tried.problems] };
}

/**
 * Installs a command line where ONNX Runtime's installer cannot download, and tries it.
 * @param {Subject} subject
 * @param {{ base: string, address: string, keep: boolean }} site
 * @returns {Promise<Row>}
 */
export async function blockedRow({ name, program = "" }, { base, address, keep }) {
  const row = { name, manager: "npm, no CUDA", example: "-", types: "-" };
  if (!hasDownload) return { ...row, problems: [], skipped: "nothing is downloaded here" };
  const folder = join(base, `${name.replace("/", "+")}-blocked`);
  const place = emptyProject(folder, { address, name }, await blockedEnvironment());
  const { ok, output, seconds } = await install("npm", [name], place);
  if (!ok) return { ...row, seconds, problems: [`The install failed:\n${output}`] };
  const bytes = sizeOf(join(folder, "node_modules"));
  const problems = await tryBlocked(program, place);
  if (!keep) rmSync(folder, { recursive: true, force: true });
  return { ...row, seconds, bytes, example: mark(problems), problems };
}
