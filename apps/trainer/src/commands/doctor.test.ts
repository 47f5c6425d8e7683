import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { tokenizerFor } from "@clip-ts/inference";
import { clipSpec, preset } from "@clip-ts/model";
import { writeModel } from "@clip-ts/node";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { backend } from "@tensorflow/tfjs-core";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

/** What drivers of graphics cards put there, if there is one. */
const graphicsCard = ["/dev/nvidia0", "/dev/dri"].find((path) => existsSync(path));

afterAll(() => useEngine("cpu"));
afterEach(() => vi.restoreAllMocks());
const doctor = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["doctor", ...argv]));

test.each(["cpu", "wasm", "onnx"])("says what %s is and that its numbers are right", async (engine) => {
  const { result, stdout, stderr } = await doctor("--engine", engine);
  expect([result, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(process.version);
  expect(stdout).toMatch(/sharp \d+\.\d+\.\d+, libvips \d/);
  for (const name of ["tensorflow-gpu", "tensorflow", "onnx", "wasm", "cpu"]) {
    expect(stdout).toMatch(new RegExp(`^  ${name} +(ready|missing): `, "m"));
  }
  expect(stdout).toMatch(new RegExp(`engine +${engine} \\(`));
  expect(stdout).toMatch(/because +asked for/);
  for (const check of ["matmul", "softmax", "gradient"]) {
    expect(stdout).toMatch(new RegExp(`^  ${check} +ok$`, "m"));
  }
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("on TensorFlow, it says which GEMM multiplies matrices and why", async (context) => {
  const { stdout } = await doctor();
  const isTensorflow = /^ {2}engine +tensorflow \(/m.test(stdout);
  context.skip(!isTensorflow, "TensorFlow has no native part here");
  const gemm = /^ {2}GEMM +([\s\S]*?)\n\n/m.exec(stdout)?.[1]?.replaceAll(/\s+/g, " ");
  const isOwn = /own GEMM/.test(stdout);
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" "));
  const hasBf16 = flags.has("avx512_bf16");
  const reason = flags.has("amx_bf16")
    ? /^TensorFlow's .*: (?:on this processor's AMX|clip-ts's) /
    : /^TensorFlow's .*: clip-ts's /;
  expect(gemm).toMatch(isOwn ? /^clip-ts's own: / : reason);
  if (!hasBf16) expect(isOwn).toBe(false);
  if (!hasBf16 && stdout.includes("fused rows")) {
    expect(gemm).toContain("clip-ts's own needs a processor with AVX512-BF16");
  }
});

test("without a wish, it names the fastest engine and what the others lack", async () => {
  const { result, stdout } = await doctor();
  expect(result).toBe(0);
  const chosen = /engine +(\S+) \(/.exec(stdout)?.[1];
  const ready = /^ {2}(?!onnx-gpu|webgpu)(\S+) +ready: /m.exec(stdout)?.[1];
  expect(chosen).toBe(ready);
});

test("wrong numbers are shown and make it fail", async () => {
  await useEngine("cpu");
  vi.spyOn(backend(), "read").mockResolvedValue(Float32Array.of(58, 64, 139, 155));
  const { result, stdout } = await doctor("--engine", "cpu");
  expect(result).toBe(1);
  expect(stdout).toMatch(/matmul +WRONG: expected 58, 64, 139, 154; got 58, 64, 139, 155/);
});

test("an engine that does not exist is wrong usage that lists those that do", async () => {
  const { result, stderr } = await doctor("--engine", "abacus");
  expect(result).toBe(2);
  expect(stderr).toContain("--engine abacus: expected auto, tensorflow-gpu");
});

test.skipIf(graphicsCard !== undefined)(
  "an engine that is installed and finds no GPU is missing, without a foreign message",
  async () => {
    const { result, stdout, stderr } = await doctor("--engine", "onnx-gpu");
    expect(result).toBe(1);
    expect(stdout).toMatch(/^ {2}onnx-gpu +missing: ONNX Runtime reaches no GPU\. CUDA: /m);
    expect(stderr).toMatch(/^clip-ts: The engine "onnx-gpu" cannot run here: .*\n$/);
  },
);

test("a model is held against its proof on every engine that is ready", async () => {
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-doctor-"));
  try {
    const config = preset("nano");
    const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
    await writeModel(join(folder, "bare"), description, initHostParams(clipSpec(config), 1));
    const words = ["convert", join(folder, "bare"), join(folder, "proved"), "--to", "hf"];
    await captureOutput(() => runCommandLine(commands, words));
    const { result, stdout } = await doctor("--engine", "cpu", "--model", join(folder, "proved"));
    expect(result).toBe(0);
    for (const name of ["onnx", "wasm", "cpu"])
      expect(stdout).toMatch(new RegExp(`^  ${name} +passed: features`, "mu"));
    const bare = await doctor("--engine", "cpu", "--model", join(folder, "bare"));
    expect([bare.result, bare.stderr]).toEqual([1, expect.stringContaining("has no self-check.json")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
