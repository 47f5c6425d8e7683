import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { openFile } from "@clip-ts/files";
import { largestDifference, relativeError } from "@clip-ts/test-utils";
import { openSafetensors, toFloat32 } from "@clip-ts/weights";
import type { Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { configOf, folder, takeSteps } from "./run-here.test.ts";
import { runTraining } from "./run-training.ts";
import { closing, loadModelParams } from "@clip-ts/inference";
import { openModel } from "@clip-ts/node";

const read = (name: string): Record<string, number>[] =>
  readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);

async function leavesOf(model: string): Promise<Record<string, Float32Array>> {
  const entries = Object.entries(flattenTree<Tensor>(await closing(await openModel(model), loadModelParams))).map(
    async ([path, leaf]) => [path, (await leaf.data<"float32">()).slice()] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function arraysOf(path: string): Promise<Record<string, Float32Array>> {
  const source = await openFile(path);
  const file = await openSafetensors(source, path);
  const arrays: Record<string, Float32Array> = {};
  for (const name of file.names) arrays[name] = toFloat32(await file.read(name));
  await source.close();
  return arrays;
}

const evaluate = { every: 2, retrieval: { data: { kind: "synthetic", count: 12 } } };

test.each(["wasm", "onnx"])("a run evaluates by frequency, with its moving average (%s)", async (engine) => {
  const name = `evaluated-${engine}`;
  await runTraining(configOf(name, { engine, steps: 5, evaluate, ema: { decay: 0.5 }, tensorboard: true }));
  const lines = read(name);
  const evaluated = lines.filter((line) => "retrieval.meanRecallAt1" in line);
  expect(evaluated.map(({ step }) => step)).toEqual([1, 3, 4]);
  expect(lines.filter((line) => "loss" in line)).toHaveLength(5);
  for (const line of evaluated) {
    expect(line["ema.retrieval.imageToText.recallAt5"]).toBeGreaterThanOrEqual(0);
    expect(line["retrieval.textToImage.medianRank"]).toBeLessThanOrEqual(12);
  }
  expect(readdirSync(join(folder, name)).filter((file) => file.startsWith("events.out.tfevents."))).toHaveLength(1);
});

test("the moving average is a model of its own, equal to its formula in float64", async () => {
  const decay = 0.9;
  const states = [];
  for (const steps of [1, 2, 3]) {
    states.push(await takeSteps(configOf("ema", { steps, ema: { decay } })));
  }
  await runTraining(configOf("ema", { ema: { decay } }));
  const saved = await leavesOf(join(folder, "ema/latest/ema"));
  const starts = Object.entries(states[0]!.before).filter(([path]) => !path.startsWith("ema."));
  expect(Object.keys(saved).toSorted()).toEqual(starts.map(([path]) => path).toSorted());
  for (const [path, start] of starts) {
    const expected = Float64Array.from(start);
    states.forEach(({ after }, step) => {
      const kept = Math.min(decay, (1 + step) / (10 + step));
      after[path]!.forEach((value, index) => {
        expected[index] = kept * expected[index]! + (1 - kept) * value;
      });
    });
    expect(relativeError(saved[path]!, expected, 1e-3), path).toBeLessThan(1e-5);
  }
});

test.each(["wasm", "onnx"])(
  "LoRA: the checkpoint is the merged model, adapters lie beside it, and a run goes on exactly (%s)",
  async (engine) => {
    const lora = { rank: 2, alpha: 4, targets: ["attention"] };
    const changes = {
      engine,
      lora,
      optimizer: { kind: "adamw" },
      schedule: { kind: "constant", learningRate: 0.01 },
    };
    const name = `lora-${engine}`;
    await runTraining(configOf(name, { ...changes, steps: 4 }));
    const whole = await leavesOf(join(folder, name, "latest"));

    const { before, after } = await takeSteps(configOf(name, { ...changes, steps: 4 }));
    const adapters = await arraysOf(join(folder, name, "latest/adapter/adapter_model.safetensors"));
    const path = "vision_model.encoder.layers.0.self_attn.q_proj";
    const [down, up] = ["A", "B"].map((side) => adapters[`base_model.model.${path}.lora_${side}.weight`]!);
    expect(largestDifference(down!, after[`${path}.lora_A.weight`]!)).toBe(0);
    const width = 16;
    const expected = Float64Array.from(before[`${path}.weight`]!, (value, index) => {
      const [row, column] = [Math.floor(index / width), index % width];
      return value + 2 * (up![2 * row]! * down![column]! + up![2 * row + 1]! * down![width + column]!);
    });
    expect(relativeError(whole[`${path}.weight`]!, expected)).toBeLessThan(1e-6);
    expect(largestDifference(whole[`${path}.weight`]!, before[`${path}.weight`]!)).toBeGreaterThan(1e-4);
    const config = JSON.parse(readFileSync(join(folder, name, "latest/adapter/adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ peft_type: "LORA", r: 2, lora_alpha: 4 });

    const resumed = `${name}-resumed`;
    const halves = { ...changes, steps: 4, checkpoint: { every: 2, keep: 5 } };
    await runTraining(configOf(resumed, { ...halves, steps: 2 }));
    await runTraining(configOf(resumed, halves), { resume: true });
    const continued = await leavesOf(join(folder, resumed, "latest"));
    for (const [leaf, values] of Object.entries(whole)) {
      expect(largestDifference(continued[leaf]!, values), leaf).toBe(0);
    }
  },
);

test("a run that no longer gets better ends and says so, also if it goes on; its best is kept", async () => {
  const early = { metric: "retrieval.meanRecallAt1", patience: 2, minDelta: 1 };
  const config = configOf("early", {
    steps: 20,
    evaluate: { ...evaluate, every: 1 },
    earlyStopping: early,
  });
  const result = await runTraining(config);
  const folderOfBest = join(folder, "early/best");
  const stop = { metric: early.metric, step: 0, since: 2, folder: folderOfBest };
  expect(result).toMatchObject({ step: 3, interrupted: false, stoppedEarly: stop });
  const best = await leavesOf(folderOfBest);
  const { after } = await takeSteps(configOf("early", { steps: 1 }));
  expect(largestDifference(best["logit_scale"]!, after["logit_scale"]!)).toBe(0);
  const state = JSON.parse(readFileSync(join(folder, "early/latest/state.json"), "utf8")) as object;
  expect(state).toMatchObject({ best: { step: 0, since: 2 } });

  const lines = read("early");
  expect(await runTraining(config, { resume: true })).toEqual(result);
  expect(read("early")).toEqual(lines);
  const patient = { ...config, earlyStopping: { ...early, patience: 3 } };
  expect(await runTraining(patient, { resume: true })).toMatchObject({ step: 4 });
});

test("a student learns from a teacher folder: the first loss is both losses' sum", async () => {
  await runTraining(configOf("teacher", { seed: 5, steps: 2 }));
  const teacher = join(folder, "teacher/latest");
  expect(existsSync(teacher)).toBe(true);
  for (const engine of ["wasm", "onnx"]) {
    const first = async (distill: object): Promise<number> =>
      (await takeSteps(configOf("student", { engine, steps: 1, ...distill }))).metrics[0]!.loss;
    const plain = await first({});
    const light = await first({ distill: { from: teacher, weight: 0.5 } });
    const heavy = await first({ distill: { from: teacher } });
    expect(light - plain).toBeGreaterThan(0.5);
    expect(heavy - plain).toBeCloseTo(2 * (light - plain), 4);
  }
  const refused = takeSteps(configOf("misfit", { distill: { from: teacher }, model: { preset: "tiny" } }));
  await expect(refused).rejects.toThrow("a teacher must see the pixels that its student sees");
});

test("a sigmoid run's checkpoint loads as what it is", async () => {
  await runTraining(configOf("sigmoid", { loss: { kind: "sigmoid" } }));
  const { config } = await openModel(join(folder, "sigmoid/latest"));
  expect(config.loss?.kind).toBe("sigmoid");
  const leaves = await leavesOf(join(folder, "sigmoid/latest"));
  expect(leaves["logit_bias"]![0]).not.toBe(-10);
});
