import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { findNodeHeaders } from "./find-node-headers.ts";
import { lastLines, runProgram } from "./run-program.ts";
import { megabytes, type SetupContext } from "./setup-options.ts";
import { libraryNames } from "./unpack-wheel.ts";

const movedHeader = "platform/ctstring_internal.h";

/** The addon includes a header from a place that later releases may lack; this leads to the new one. */
async function forwardMovedHeader(include: string, folder: string): Promise<void> {
  if (existsSync(join(include, "tensorflow/core", movedHeader))) return;
  const target = join(folder, "tensorflow/core", movedHeader);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, `#include "tsl/${movedHeader}"\n`);
}

/** Runs the C++ compiler. @throws ClipError saying what to install, or what the compiler said of `what`. */
async function compile(
  what: string,
  args: readonly string[],
  { environment }: SetupContext,
): Promise<void> {
  const { CXX: compiler = "g++" } = environment;
  const { code, stderr } = await runProgram(compiler, args, environment);
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
export async function compileLibrary(
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
export async function compileAddon(
  packageFolder: string,
  libraries: string,
  context: SetupContext,
): Promise<string> {
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
