import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, expect, test } from "vitest";
import { cudaRequirements, fetchCudaLibraries } from "./libraries.ts";
import type { SetupContext } from "./setup-options.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-cuda-"));
afterAll(() => rmSync(folder, { recursive: true }));

const metadata = `Metadata-Version: 2.4
Name: tensorflow
Requires-Dist: numpy>=1.26.0
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-cudnn-cu12 <10.0,>=9.3.0.75 ; extra == 'and-cuda'
`;
const wheel = zipSync({
  "nvidia/cublas/lib/libcublas.so.12": new Uint8Array(4000).fill(7),
  "nvidia/cublas/include/cublas.h": new Uint8Array(10),
  "nvidia/../../escape/lib/x.so": new Uint8Array(1),
});
writeFileSync(join(folder, "nvidia_cublas_cu12-12.5-py3-none-any.whl"), wheel);

// pip is played by a script of the shell, which Windows does not run; the setup is for Linux.
const onWindows = process.platform === "win32";

/** A pip that "downloads" what lies in the folder, and keeps what it was asked for. */
const programs = join(folder, "programs");
mkdirSync(programs);
const pip = `#!/bin/sh
here="\${0%/*}/.."
for last; do :; done
case "$*" in *--version*) exit 0;; *cudnn*) [ -e "$here/fail" ] && { echo "no cudnn here" >&2; exit 1; };; esac
echo "$last" >> "$here/asked"
while [ $# -gt 0 ]; do [ "$1" = --dest ] && /bin/cp "$here"/*.whl "$2"; shift; done
exit 0
`;
writeFileSync(join(programs, "python3"), pip);
chmodSync(join(programs, "python3"), 0o755);

function contextOf(name: string, path: string): { libraries: string; context: SetupContext } {
  const libraries = join(folder, name, "tensorflow-gpu");
  mkdirSync(libraries, { recursive: true });
  const context: SetupContext = {
    gpu: true,
    wheelName: "tensorflow",
    cache: libraries,
    index: undefined,
    report: () => undefined,
    environment: { PATH: path },
  };
  return { libraries, context };
}

test("a wheel's notes name its CUDA packages", () => {
  expect(cudaRequirements(metadata)).toEqual([
    "nvidia-cublas-cu12<13.0,>=12.5.3.2",
    "nvidia-cudnn-cu12<10.0,>=9.3.0.75",
  ]);
});

test.skipIf(onWindows)("libraries come to lie where TensorFlow looks for them, once", async () => {
  const { libraries, context } = contextOf("good", programs);
  writeFileSync(join(libraries, "METADATA"), metadata);
  const target = await fetchCudaLibraries(libraries, context);
  expect(target).toBe(join(folder, "good", "nvidia"));
  expect(readdirSync(join(target!, "cublas", "lib"))).toEqual(["libcublas.so.12"]);
  expect(existsSync(join(folder, "escape"))).toBe(false);
  expect(readdirSync(join(folder, "good")).toSorted()).toEqual(["nvidia", "tensorflow-gpu"]);
  const offline = { ...context, environment: { PATH: join(folder, "nowhere") } };
  expect(await fetchCudaLibraries(libraries, offline)).toBe(target);
});

test.skipIf(onWindows)("a package that pip lacks is named, and nothing half-made stays", async () => {
  const { libraries, context } = contextOf("failing", programs);
  writeFileSync(join(libraries, "METADATA"), metadata);
  writeFileSync(join(folder, "fail"), "");
  await expect(fetchCudaLibraries(libraries, context)).rejects.toThrow(
    /pip cannot fetch nvidia-cudnn-cu12<10\.0,>=9\.3\.0\.75:\s+no cudnn here/u,
  );
  rmSync(join(folder, "fail"));
  expect(readdirSync(join(folder, "failing"))).toEqual(["tensorflow-gpu"]);
});

test("without pip, the error says what to install", async () => {
  const { libraries, context } = contextOf("no-pip", join(folder, "nowhere"));
  writeFileSync(join(libraries, "METADATA"), metadata);
  await expect(fetchCudaLibraries(libraries, context)).rejects.toThrow(/apt install python3-pip/u);
});

test("libraries that name no CUDA packages use the system's", async () => {
  const { libraries, context } = contextOf("system", programs);
  expect(await fetchCudaLibraries(libraries, context)).toBeUndefined();
});
