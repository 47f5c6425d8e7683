// @ts-check
// A package's entries and its README's example, compiled and run in the folder of a user who did what the
// install line says.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture, root } from "../run.mjs";

/** @typedef {import("./managers.mjs").Place} Place */

/**
 * Whether a package is compiled for browsers.
 * @param {string} source its folder, relative to the root
 */
export function isWebPackage(source) {
  const settings = join(root, source, "tsconfig.json");
  return existsSync(settings) && /"dom"/u.test(readFileSync(settings, "utf8"));
}

/**
 * The settings of a careful reader: declarations of libraries are checked too. Code for browsers sees the
 * DOM, other code sees Node.
 * @param {string} source the package's folder, relative to the root
 */
function compilerOptions(source) {
  const isForBrowsers = isWebPackage(source);
  return {
    target: "es2023",
    lib: isForBrowsers ? ["es2023", "dom", "dom.iterable"] : ["es2023"],
    module: "nodenext",
    moduleDetection: "force",
    types: isForBrowsers ? [] : ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
    strict: true,
    skipLibCheck: false,
  };
}

/**
 * What is wrong in the declarations of engines, TensorFlow.js and ONNX Runtime, and of those they depend on:
 * they need the DOM where there is none, and where there is one they declare its WebGPU again.
 */
const isOfEngine = (/** @type {string} */ line) =>
  /node_modules\/(?:@tensorflow|@webgpu\/types|onnxruntime-common)\/|\/lib\.dom\.d\.ts\(/u.test(line);

/**
 * Code that imports each of the modules.
 * @param {readonly string[]} modules
 */
export function importing(modules) {
  return modules.map((name, index) => `export * as entry${index} from "${name}";\n`).join("");
}

/**
 * Compiles files beside what is installed.
 * @param {string} source the package's folder, relative to the root
 * @param {Readonly<Record<string, string>>} files texts by name
 * @param {Place} place
 * @returns {Promise<{ readonly problems: readonly string[], readonly inEngines: number }>}
 */
export async function compile(source, files, place) {
  const project = { compilerOptions: compilerOptions(source), files: Object.keys(files) };
  writeFileSync(join(place.folder, "tsconfig.json"), JSON.stringify(project));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(place.folder, name), text);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { ok, output } = await capture([process.execPath, tsc, "-p", place.folder, "--pretty", "false"], place);
  const lines = output.split("\n").filter((line) => /error TS\d+/u.test(line));
  const problems = lines.filter((line) => !isOfEngine(line));
  if (!ok && lines.length === 0) problems.push(output);
  return { problems, inEngines: lines.length - problems.length };
}

/**
 * Runs a compiled file.
 * @param {string} file
 * @param {Place} place
 * @param {{ prints: boolean }} expected
 * @returns {Promise<readonly string[]>} what is wrong
 */
export async function runCompiled(file, place, { prints }) {
  const { ok, output } = await capture([process.execPath, file], place);
  if (!ok) return [output];
  return prints && output.trim() === "" ? [`${file} prints nothing.`] : [];
}
