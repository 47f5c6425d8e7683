import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { afterAll, expect, test } from "vitest";
import { codeFlags, sourceFolder } from "./compile.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/**
 * Compiles sources of the native part that need no TensorFlow, with a function in C++ that calls them.
 * @returns the library; nothing on other systems than Linux or without a compiler, which is said.
 */
export function compileHere(doorway: string, sources: readonly string[]): ReturnType<typeof koffi.load> | undefined {
  if (process.platform !== "linux") {
    console.warn(`Skipped: ${sources.join(", ")}, as the native part is for Linux.`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-native-"));
  folders.push(folder);
  const { CXX: compiler = "g++" } = process.env;
  const native = fileURLToPath(sourceFolder);
  const [door, library] = [join(folder, "doorway.cc"), join(folder, "native.so")];
  writeFileSync(door, doorway);
  const flags = [...codeFlags, "-fPIC", "-shared"];
  const files = [door, ...sources.map((name) => join(native, name))];
  try {
    execFileSync(compiler, [...flags, `-I${native}`, ...files, "-o", library], { stdio: "pipe" });
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    console.warn(`Skipped: ${sources.join(", ")}, as there is no compiler of C++.`);
    return undefined;
  }
  return koffi.load(library);
}

const library = compileHere(`extern "C" int twice(int x) { return 2 * x; }`, []);
const twice = library?.func("twice", "int", ["int"]);

test.skipIf(twice === undefined)("a function in C++ is compiled and called", () => {
  expect(twice?.(21)).toBe(42);
});
