import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClipError } from "@clip-ts/base";
import { libraryFlags, sourceFolder, sourceNames } from "@clip-ts/native";
import { operationsPath } from "../own-operations.ts";
import { restoreNodeHelpers } from "../tensorflow.ts";
import { lastLines, megabytes, runProcess, type SetupContext } from "./setup-options.ts";
import { libraryNames } from "./wheels.ts";

/** Where Node's headers may lie, best first. Node-API is stable, so those of any version do. */
function candidates(environment: NodeJS.ProcessEnv): string[] {
  const { npm_config_nodedir: given, XDG_CACHE_HOME: cache = join(homedir(), ".cache") } = environment;
  return [
    ...(given === undefined ? [] : [join(given, "include", "node")]),
    join(dirname(dirname(process.execPath)), "include", "node"),
    join(cache, "node-gyp", process.versions.node, "include", "node"),
    "/usr/include/node",
    "/usr/local/include/node",
  ];
}

/** The folder with `node_api.h`. @throws ClipError "not-found" with what to install. */
function findNodeHeaders(environment: NodeJS.ProcessEnv = process.env): string {
  const places = candidates(environment);
  const found = places.find((folder) => existsSync(join(folder, "node_api.h")));
  if (found !== undefined) return found;
  throw new ClipError(
    "not-found",
    `Node's headers (node_api.h) are in none of ${places.join(", ")}. Install them: ` +
      "npx node-gyp install, or the system's package (Debian, Ubuntu: apt install libnode-dev), or set " +
      "npm_config_nodedir to where Node was unpacked.",
    { data: { places } },
  );
}

const movedHeader = "platform/ctstring_internal.h";

/** The addon includes a header from a place that later releases may lack; this leads to the new one. */
async function forwardMovedHeader(include: string, folder: string): Promise<void> {
  if (existsSync(join(include, "tensorflow/core", movedHeader))) return;
  const target = join(folder, "tensorflow/core", movedHeader);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, `#include "tsl/${movedHeader}"\n`);
}

/** Runs the C++ compiler. @throws ClipError saying what to install, or what the compiler said of `what`. */
async function compile(what: string, args: readonly string[], { environment }: SetupContext): Promise<void> {
  const { CXX: compiler = "g++" } = environment;
  const { code, stderr } = await runProcess(compiler, args, environment);
  if (code === 0) return;
  throw new ClipError(
    "not-found",
    code === undefined
      ? `There is no C++ compiler called ${compiler}. Install one (Debian, Ubuntu: apt install g++; ` +
          "Fedora: dnf install gcc-c++) or name it in CXX."
      : `${compiler} cannot compile ${what}:\n${lastLines(stderr, 12)}\n` +
          "  It needs g++ 9 or later and TensorFlow's own headers.",
    { data: { compiler } },
  );
}

/**
 * Compiles C++ into a library that is linked with TensorFlow's in `libraries`, which must stay there. It takes
 * its place when it is whole.
 */
async function compileLibrary(
  what: string,
  { target, libraries }: { readonly target: string; readonly libraries: string },
  args: readonly string[],
  context: SetupContext,
): Promise<void> {
  const partial = `${target}.partial`;
  const linked = [
    `-L${libraries}`,
    ...libraryNames.map((name) => `-l:${name}`),
    // Absolute: $ORIGIN would be the folder of a symbolic link. Every symbol is looked up at once, so
    // that one which TensorFlow lacks is an error when the library is tried, not in a training. The folder
    // by itself: -Wl would part it at a comma.
    "-Xlinker",
    "-rpath",
    "-Xlinker",
    libraries,
    "-Wl,-z,now",
  ];
  try {
    await compile(what, [...args, ...linked, "-o", partial], context);
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
  context.report(`  ${target} ${megabytes((await stat(target)).size)}`);
}

/**
 * Compiles the C++ sources that tfjs-node's package carries into its place, against the libraries in
 * `libraries`, which must stay there. @returns the addon's path.
 */
export async function compileAddon(packageFolder: string, libraries: string, context: SetupContext): Promise<string> {
  const target = join(packageFolder, "lib", "napi-v8", "tfjs_binding.node");
  const include = join(libraries, "include");
  const headers = findNodeHeaders(context.environment);
  const work = await mkdtemp(join(tmpdir(), "clip-ts-addon-"));
  context.report(`compiling tfjs-node's addon with Node's headers in ${headers}`);
  try {
    await forwardMovedHeader(include, work);
    await mkdir(dirname(target), { recursive: true });
    const sources = ["tfjs_backend.cc", "tfjs_binding.cc"];
    const flags = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"];
    const folders = [work, include, headers, join(packageFolder, "binding")];
    const args = [
      ...flags,
      ...folders.map((folder) => `-I${folder}`),
      ...sources.map((source) => join(packageFolder, "binding", source)),
    ];
    await compileLibrary("tfjs-node's addon", { target, libraries }, args, context);
  } finally {
    await rm(work, { recursive: true });
  }
  return target;
}

/** Runs in a process of its own: an addon that crashes must not take the setup with it. */
const trial = `
(${restoreNodeHelpers.toString()})(require("node:util"));
const tf = require(process.argv[1]);
const numbers = (tensor) => Array.from(tensor.dataSync());
const matmul = numbers(tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5], [6]])));
const gradient = numbers(tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2, 3])));
const { binding, isUsingGpuDevice } = tf.backend();
const facts = { version: binding.TF_Version, gpu: isUsingGpuDevice, matmul, gradient };
console.log("trial " + JSON.stringify(facts));
`;

/** What TensorFlow says of itself. */
export interface TrialResult {
  readonly version: string;
  /** Whether it found a GPU that it can use. */
  readonly gpu: boolean;
}

/**
 * Loads tfjs-node in another process, multiplies two matrices and takes a gradient.
 * @throws ClipError "engine-unavailable" with what the process said.
 */
export async function tryAddon(packageFolder: string, environment: NodeJS.ProcessEnv): Promise<TrialResult> {
  const quiet = { TF_CPP_MIN_LOG_LEVEL: "2", TF_FORCE_GPU_ALLOW_GROWTH: "true", ...environment };
  const args = ["-e", trial, packageFolder];
  const { stdout, stderr } = await runProcess(process.execPath, args, quiet);
  const line = stdout.split("\n").find((text) => text.startsWith("trial "));
  const fault = (reason: string): ClipError =>
    new ClipError(
      "engine-unavailable",
      `TensorFlow's native part was built but ${reason}\n  Run the setup again with other libraries ` +
        "(--from), or use another engine.",
    );
  if (line === undefined) {
    const reason = /^\w*Error: .*/mu.exec(stderr)?.[0] ?? stderr;
    throw fault(`does not run:\n${lastLines(reason)}`);
  }
  const { matmul, gradient, ...result } = JSON.parse(line.slice("trial ".length)) as TrialResult & {
    readonly matmul: readonly number[];
    readonly gradient: readonly number[];
  };
  const got = [matmul, gradient].join("; ");
  if (got !== "17,39; 2,4,6") throw fault(`computes ${got} where 17,39; 2,4,6 is right.`);
  return result;
}

/**
 * Compiles the operations that clip-ts adds to TensorFlow (`@clip-ts/native`), against the same libraries as
 * tfjs-node's addon, beside which they are put.
 */
export async function compileOperations(
  { packageFolder, version }: { readonly packageFolder: string; readonly version: string },
  libraries: string,
  context: SetupContext,
): Promise<void> {
  const target = operationsPath(packageFolder, version);
  context.report("compiling clip-ts's own operations: GEMM, fused rows, AdamW (half a minute)");
  const sources = fileURLToPath(sourceFolder);
  const args = [...libraryFlags, `-I${join(libraries, "include")}`, ...sourceNames.map((name) => join(sources, name))];
  await compileLibrary("clip-ts's operations", { target, libraries }, args, context);
}
