import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isClipError } from "@clip-ts/base";
import { afterAll, expect, test } from "vitest";
import { formatConfig, loadConfig, parseConfig } from "./load-config.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const smallest = {
  run: "runs/x",
  model: { preset: "nano" },
  data: { train: { kind: "synthetic" } },
  steps: 10,
};

/** The one message a person reads. */
function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isClipError(error)) return error.message;
    throw error;
  }
  throw new Error("no error came");
}

const messageFor = (data: unknown): string => messageOf(() => parseConfig(data, "run.yaml"));

test("what is left out gets its default", () => {
  const config = parseConfig(smallest, "run.yaml");
  expect(config).toMatchObject({
    seed: 0,
    engine: "auto",
    data: { batchSize: 64, shuffle: true, bucketMultiple: 8, distinct: true },
    optimizer: { kind: "adamw", beta2: 0.98, eps: 1e-6, weightDecay: 0.2 },
    schedule: { kind: "cosine", learningRate: 5e-4, warmupSteps: 0 },
    checkpoint: { every: 500, keep: 2 },
  });
});

test("an unknown key is an error that suggests the right one, at any depth", () => {
  expect(messageFor({ ...smallest, step: 3 })).toContain('"step" is not a setting. Did you mean "steps"?');
  expect(messageFor({ ...smallest, schedule: { learning_rate: 1 } })).toContain(
    '"schedule.learning_rate" is not a setting. Did you mean "learningRate"?',
  );
  const train = { kind: "folder", path: "x", templates: "a {}" };
  expect(messageFor({ ...smallest, data: { train } })).toContain(
    '"data.train.templates" is not a setting. Did you mean "template"?',
  );
  expect(messageFor({ ...smallest, optimizer: { kind: "adamw", weight_decay: 0 } })).toContain(
    'Did you mean "weightDecay"?',
  );
});

test("a key of another kind says whose it is", () => {
  expect(messageFor({ ...smallest, loss: { kind: "sigmoid", labelSmoothing: 0.1 } })).toContain(
    '"loss.labelSmoothing" goes with kind "contrastive" only: remove it, or change "loss.kind".',
  );
  expect(messageFor({ ...smallest, optimizer: { kind: "adamw", momentum: 0.9 } })).toContain(
    '"optimizer.momentum" goes with kind "sgd" or "muon" or "adafactor" only',
  );
  const train = { kind: "csv", path: "x", count: 4 };
  expect(messageFor({ ...smallest, data: { train } })).toContain('"data.train.count" goes with kind "synthetic" only');
});

test("a key that stands too deep says where it is a setting", () => {
  const model = { preset: "nano", architecture: { vision: { imageSize: 16 } } };
  expect(messageFor({ ...smallest, model })).toContain(
    '"model.architecture.vision.imageSize" is not a setting: "model.imageSize" is.',
  );
  expect(messageFor({ ...smallest, model: { preset: "nano", vision: { pooling: "mean" } } })).toContain(
    '"model.vision": expected a folder or file of weights; a tower\'s options stand in "model.architecture"',
  );
});

test("every fault is listed with its path", () => {
  const message = messageFor({
    ...smallest,
    steps: 0,
    data: { train: { kind: "synthetic" }, batchSize: "x" },
  });
  expect(message).toContain("run.yaml is not a valid training config");
  expect(message).toContain('"steps"');
  expect(message).toContain('"data.batchSize"');
});

test("an unknown kind names the kinds there are", () => {
  const message = messageFor({ ...smallest, data: { train: { kind: "folders", path: "x" } } });
  expect(message).toContain('"data.train.kind"');
});

test("--set overrides by path and reads its value as YAML", async () => {
  const path = join(folder, "run.yaml");
  writeFileSync(path, "run: runs/x\nmodel: { preset: nano }\ndata: { train: { kind: synthetic } }\nsteps: 10\n");
  const config = await loadConfig(path, [
    "steps=25",
    "schedule.learningRate=1e-3",
    "data.train={kind: synthetic, count: 7}",
    "data.augment.scale=[0.5, 1]",
  ]);
  expect(config.steps).toBe(25);
  expect(config.schedule.learningRate).toBe(1e-3);
  expect(config.data.train).toEqual({ kind: "synthetic", count: 7 });
  expect(config.data.augment).toEqual({ scale: [0.5, 1] });
});

test("a setting without a value, and one that would touch a prototype, are refused", async () => {
  const path = join(folder, "plain.yaml");
  writeFileSync(path, formatConfig(parseConfig(smallest, "x")));
  await expect(loadConfig(path, ["steps"])).rejects.toThrow("expected KEY=VALUE");
  await expect(loadConfig(path, ["__proto__.polluted=1"])).rejects.toThrow("is not a setting");
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("a missing file and broken YAML say so", async () => {
  await expect(loadConfig(join(folder, "none.yaml"), [])).rejects.toThrow("There is no config file");
  const path = join(folder, "broken.yaml");
  writeFileSync(path, "run: [unclosed");
  await expect(loadConfig(path, [])).rejects.toThrow("is not valid YAML");
});

test("a resolved config reads back as itself", () => {
  const config = parseConfig({ ...smallest, gradClipNorm: 1, ema: { decay: 0.99 } }, "x");
  const path = join(folder, "resolved.yaml");
  writeFileSync(path, formatConfig(config));
  return expect(loadConfig(path, [])).resolves.toEqual(config);
});

test("methods have their defaults", () => {
  const asked = {
    lora: {},
    evaluate: { every: 5, retrieval: { data: { kind: "synthetic" } } },
    earlyStopping: {},
    distill: { from: "teacher" },
  };
  const config = parseConfig({ ...smallest, ...asked }, "run.yaml");
  expect(config).toMatchObject({
    accumulate: 1,
    gradientCheckpointing: false,
    tensorboard: true,
    lora: { rank: 8 },
    evaluate: { ema: true, retrieval: { captions: "first" } },
    earlyStopping: { metric: "retrieval.meanRecallAt1", patience: 5, minDelta: 0 },
    distill: { weight: 1 },
  });
  const { lock } = parseConfig({ ...smallest, lock: { image: {} } }, "run.yaml");
  expect(lock).toEqual({ image: { unlockedGroups: 0, freezeStatistics: true } });
});

test("settings that only make sense together are asked for together", () => {
  expect(messageFor({ ...smallest, earlyStopping: {} })).toContain('"earlyStopping": needs "evaluate"');
  expect(messageFor({ ...smallest, evaluate: { every: 5 } })).toContain('"evaluate": needs "retrieval" or "zeroShot"');
  expect(messageFor({ ...smallest, lock: { image: {} }, lora: {} })).toContain(
    '"lock": cannot be combined with "lora"',
  );
});

test("faults in methods name their place", () => {
  expect(messageFor({ ...smallest, lora: { rnak: 4 } })).toContain('Did you mean "rank"?');
  expect(messageFor({ ...smallest, lock: { image: { unlockedGroups: -1 } } })).toContain('"lock.image.unlockedGroups"');
  expect(messageFor({ ...smallest, accumulate: 0 })).toContain('"accumulate"');
  expect(messageFor({ ...smallest, layerDecay: 1.5 })).toContain('"layerDecay"');
  expect(messageFor({ ...smallest, model: { preset: "nano", patchDropout: 1 } })).toContain('"model.patchDropout"');
});
