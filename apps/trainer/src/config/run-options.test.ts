import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "./load-config.ts";
import { runOptions } from "./run-options.ts";
import type { RunOptions } from "./options.ts";

/** The options of the shortest config with some settings added. */
const optionsOf = (changes: object): RunOptions =>
  runOptions(
    parseConfig(
      {
        run: "runs/one",
        model: { preset: "nano" },
        data: { train: { kind: "synthetic", count: 8 } },
        steps: 10,
        ...changes,
      },
      "run.yaml",
    ),
  );

test("parts that a config does not ask for have no options, all others their defaults", () => {
  const { run, steps, engine, storedModels, evaluation, earlyStopping, ...parts } = optionsOf({});
  expect([run, steps, engine.name, engine.precision]).toEqual(["runs/one", 10, "auto", "f32"]);
  expect([storedModels, evaluation, earlyStopping]).toEqual([[], undefined, undefined]);
  expect(parts.model).toEqual({ preset: "nano", seed: 0, readsCaptions: true });
  expect(parts.data).toEqual({
    train: { kind: "synthetic", count: 8 },
    batchSize: 64,
    accumulate: 1,
    shuffle: true,
    captions: "draw",
    distinct: true,
    bucketMultiple: 8,
    prefetch: 2,
    seed: 0,
    loading: {},
  });
  expect(parts.checkpoints).toEqual({
    run: "runs/one",
    globalBatch: 64,
    every: 500,
    keep: 2,
    seed: 0,
    learningRate: 5e-4,
  });
  expect(parts.progress).toEqual({
    steps: 10,
    metricsFile: join("runs/one", "metrics.jsonl"),
    logEvery: 1,
    eventFolder: "runs/one",
  });
});

test("what several parts need reaches each of them", () => {
  const data = {
    train: { kind: "tensors", path: "pairs.safetensors" },
    background: [255, 255, 255],
    maxSkipped: "5%",
  };
  const evaluate = { every: 5, retrieval: { data: { kind: "synthetic", count: 4 } } };
  const { model, evaluation, ...parts } = optionsOf({ seed: 7, accumulate: 4, data, evaluate });
  const white = { background: [255, 255, 255], seed: 7 };
  expect(parts.data).toMatchObject({ ...white, accumulate: 4, maxSkipped: "5%" });
  expect(evaluation).toMatchObject({ ...white, every: 5, maxSkipped: "5%" });
  expect(model).toMatchObject({ ...white, readsCaptions: false });
  expect(parts.identity.train).toEqual(data.train);
  expect(parts.checkpoints.seed).toBe(7);
});

test("a moving average is evaluated where the run keeps one and evaluation wants it", () => {
  const evaluate = { every: 5, zeroShot: { folder: "classes" } };
  const ema = { decay: 0.9 };
  const averaged = (changes: object): boolean | undefined => optionsOf(changes).evaluation?.ofAverage;
  expect(averaged({ evaluate })).toBe(false);
  expect(averaged({ evaluate, ema })).toBe(true);
  expect(averaged({ evaluate: { ...evaluate, ema: false }, ema })).toBe(false);
});

test("that a loss is computed in chunks is said to the training and not to the model", () => {
  const loss = { kind: "contrastive", labelSmoothing: 0.1 };
  const { model, training } = optionsOf({ loss: { ...loss, chunk: 16 } });
  expect(model.loss).toEqual(loss);
  expect(training.objective.chunk).toBe(16);
});

test("models of every kind are fetched and tell the run apart", () => {
  const { storedModels, identity } = optionsOf({
    model: { config: "size", vision: "eyes", text: "words", tokenizer: "ids" },
    distill: { from: "teacher" },
    lora: {},
  });
  expect(storedModels).toEqual(["size", "eyes", "words", "ids", "teacher"]);
  const { train: _, ...models } = identity;
  expect(models).toEqual({
    config: "size",
    vision: "eyes",
    text: "words",
    teacher: "teacher",
    hasAdapters: true,
  });
});

test("no event file is written where none is wanted", () => {
  expect(optionsOf({ tensorboard: false }).progress.eventFolder).toBeUndefined();
});
