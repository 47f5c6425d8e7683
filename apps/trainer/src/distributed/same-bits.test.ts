// Ranks that train together write what one process writes that accumulates over the same parts.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspectEngines } from "@clip-ts/engines";
import { goldenJson, goldenPath, mpiLaunchersHere, type MpiLauncher } from "@clip-ts/test-utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { writeNano } from "../commands/embed/fixtures/picture-shards.ts";
import { finish, trainSeveral } from "./fixtures/launch.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-same-bits-"));
const at = (...names: string[]): string => join(folder, ...names);
/** Processes on a machine that is busy with other tests. */
const patience = { timeout: 900_000 };

const tensorflow = inspectEngines().find(({ name }) => name === "tensorflow");
if (tensorflow?.available !== true) {
  console.warn(`SKIPPED: ranks on TensorFlow, as ${tensorflow?.detail ?? "it is unknown"}.`);
}
const engines = ["onnx", ...(tensorflow?.available === true ? ["tensorflow"] : [])];

beforeAll(() => writeNano(at("teacher"), 3));
afterAll(() => rmSync(folder, { recursive: true }));

/** Ways of training that a step of ranks must not change. */
const cases: Readonly<Record<string, object>> = {
  contrastive: { gradClipNorm: 1, ema: { decay: 0.9 }, data: { augment: { scale: [0.5, 1] } } },
  chunked: { loss: { kind: "contrastive", chunk: 4, labelSmoothing: 0.1 } },
  "multi-positive": { loss: { kind: "contrastive", multiPositive: true }, data: { distinct: false } },
  sigmoid: { loss: { kind: "sigmoid" } },
  distilled: { distill: { from: at("teacher"), weight: 0.5 } },
  LoRA: { lora: { rank: 2 } },
  locked: { lock: { image: { unlockedGroups: 1 } } },
  "patch dropout": { model: { preset: "nano", patchDropout: 0.5 } },
  "blocks computed again": { gradientCheckpointing: true },
  Muon: { optimizer: { kind: "muon" } },
};

/** The config of a run on 8 pairs a step; what differs between ranks and one process is how many micro-batches. */
function configFile(run: string, engine: string, accumulate: number, { data, ...changes }: { data?: object }): string {
  const file = at(`${run}.yaml`);
  const settings = {
    run: at(run),
    engine,
    threads: 1,
    model: { preset: "nano" },
    data: { train: { kind: "synthetic", count: 32 }, batchSize: 8 / accumulate, ...data },
    accumulate,
    steps: 3,
    schedule: { learningRate: 0.01, warmupSteps: 2 },
    checkpoint: { every: 100 },
    ...changes,
  };
  writeFileSync(file, stringify(settings));
  return file;
}

const named = (name: string, who: string, engine: string): string => `${name.replaceAll(" ", "-")}-${who}-${engine}`;

async function trainAll(who: string, accumulate: number, launcher?: MpiLauncher): Promise<void> {
  const words = engines.flatMap((engine) =>
    Object.entries(cases).map(([name, changes]) => configFile(named(name, who, engine), engine, accumulate, changes)),
  );
  await finish({ launcher, words: [trainSeveral, ...words] });
}

const filesOf = (run: string): Record<string, string> => {
  const names = ["model.safetensors", "optimizer.safetensors"];
  return Object.fromEntries(names.map((name) => [name, readFileSync(at(run, "latest", name)).toString("base64")]));
};

interface Metrics {
  readonly loss: number;
  readonly gradNorm: number;
  readonly images: number;
}

const metricsOf = (run: string): Metrics[] =>
  readFileSync(at(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Metrics)
    .map(({ loss, gradNorm, images }) => ({ loss, gradNorm, images }));

describe("two ranks write the bits of one process that accumulates over two micro-batches", () => {
  beforeAll(() => trainAll("one", 2), patience.timeout);
  describe.each(mpiLaunchersHere())("under $name", (launcher) => {
    beforeAll(() => trainAll(launcher.name, 1, launcher), patience.timeout);
    describe.each(engines)("on %s", (engine) => {
      test.each(Object.keys(cases))("%s", (name) => {
        const [ranks, one] = [named(name, launcher.name, engine), named(name, "one", engine)];
        expect(metricsOf(ranks)).toEqual(metricsOf(one));
        expect(filesOf(ranks)).toEqual(filesOf(one));
      });
    });
  });
});

interface Reference {
  readonly history: readonly { readonly loss: number }[];
}

describe.each(mpiLaunchersHere())("under $name", (launcher) => {
  test("two and three ranks follow PyTorch's losses over 12 steps", patience, async () => {
    for (const file of ["config.json", "model.safetensors"]) copyFileSync(goldenPath(`clip-vit/${file}`), at(file));
    const { history } = goldenJson("clip-vit/train.json") as Reference;
    for (const ranks of [2, 3]) {
      const run = `golden-${launcher.name}-${ranks}`;
      const config = configFile(run, "onnx", 1, {
        model: { from: folder },
        data: { train: { kind: "tensors", path: goldenPath("clip-vit/train-batches.safetensors") } },
        steps: 12,
        optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2 },
        schedule: { kind: "cosine", learningRate: 0.002, warmupSteps: 3 },
        gradClipNorm: 1,
      } as object);
      await finish({ launcher, ranks, words: [trainSeveral, config] });
      const losses = metricsOf(run).map(({ loss }) => loss);
      expect(losses).toHaveLength(12);
      for (const [step, { loss }] of history.entries()) expect(Math.abs(losses[step]! - loss)).toBeLessThan(1e-4);
    }
  });
});
