import { useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { parseArguments } from "./parse.ts";
import { doctorCommand } from "../commands/doctor.ts";
import { startRequestedEngine } from "./start-engine.ts";

afterAll(() => useEngine("cpu"));

const start = async (...words: string[]) => {
  const args = parseArguments(doctorCommand, words);
  if (args === undefined) throw new Error("help was asked for");
  return startRequestedEngine(args);
};

test("threads are those asked for", async () => {
  const engine = await start("--engine", "onnx", "--threads", "1");
  expect(engine.detail).toMatch(/CPU, 1 thread$/u);
});

test.each([
  [["--precision", "f16"], "--precision f16: expected f32 or bf16."],
  [["--threads", "0"], "--threads 0: expected a positive number."],
  [["--threads", "1.5"], "--threads 1.5: expected a whole number."],
  [["--device", "tpu"], "--device tpu: expected auto, gpu or cpu."],
  [
    ["--engine", "onnx", "--precision", "bf16"],
    'The engine "onnx" computes in f32 only. For bf16 use the engine tensorflow ' +
      "(clip-ts setup tensorflow), or leave out the precision.",
  ],
])("%j is refused with the way out", async (words, message) => {
  await expect(start(...words)).rejects.toThrow(message);
});
