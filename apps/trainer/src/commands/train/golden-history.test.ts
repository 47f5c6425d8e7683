import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goldenArrays, goldenJson, goldenPath, largestDifference, useEngine } from "@clip-ts/test-utils";
import { inspectEngines } from "@clip-ts/engines";
import { openFile } from "@clip-ts/files";
import { openSafetensors, toFloat32 } from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { parseConfig } from "../../config/load-config.ts";
import { runOptions } from "../../config/run-options.ts";
import { runTraining } from "./run-training.ts";
import type { StepReport } from "./progress.ts";

interface Reference {
  readonly history: readonly {
    readonly lr: number;
    readonly loss: number;
    readonly grad_norm: number;
    readonly logit_scale: number;
  }[];
}

const folder = mkdtempSync(join(tmpdir(), "clip-ts-history-"));
for (const file of ["config.json", "model.safetensors"]) {
  copyFileSync(goldenPath(`clip-vit/${file}`), join(folder, file));
}

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await useEngine("cpu");
});

const { history } = goldenJson("clip-vit/train.json") as Reference;

/** The reference's recipe: AdamW, warm-up and cosine, clipping, clamp, 12 stored batches. */
function recipe(engine: string): unknown {
  return {
    run: join(folder, `run-${engine}`),
    engine,
    model: { from: folder },
    data: { train: { kind: "tensors", path: goldenPath("clip-vit/train-batches.safetensors") } },
    steps: 12,
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2 },
    schedule: { kind: "cosine", learningRate: 0.002, warmupSteps: 3 },
    gradClipNorm: 1,
  };
}

/** Losses of a run, step by step. */
function lossesOf(run: string): number[] {
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as StepReport).loss);
}

const tensorflow = inspectEngines().find(({ name }) => name === "tensorflow");
if (tensorflow?.available !== true) {
  console.warn(`Skipped: training on TensorFlow, as ${tensorflow?.detail ?? "it is unknown"}.`);
}

for (const engine of ["cpu", "wasm", "onnx", "tensorflow"]) {
  const isMissing = engine === "tensorflow" && tensorflow?.available !== true;
  test.skipIf(isMissing)(
    `12 steps of training follow PyTorch's losses and end at its weights (${engine})`,
    async () => {
      const config = parseConfig(recipe(engine), "recipe");
      const { checkpoint, step } = await runTraining(runOptions(config));
      expect(step).toBe(12);

      const lines = readFileSync(join(config.run, "metrics.jsonl"), "utf8").trim().split("\n");
      const reports = lines.map((line) => JSON.parse(line) as StepReport);
      expect(reports).toHaveLength(history.length);
      reports.forEach((report, index) => {
        const reference = history[index];
        if (reference === undefined) throw new Error("more steps than the reference");
        expect(report.learningRate).toBeCloseTo(reference.lr, 12);
        expect(Math.abs(report.loss - reference.loss)).toBeLessThan(1e-4);
        expect(Math.abs(report.gradNorm / reference.grad_norm - 1)).toBeLessThan(1e-3);
        // A report tells the scale its loss was computed with, the reference the one after the step.
        const next = reports[index + 1];
        if (next === undefined) return;
        expect(Math.abs(next.logitScale - reference.logit_scale)).toBeLessThan(1e-4);
      });

      const source = await openFile(join(checkpoint, "model.safetensors"));
      const file = await openSafetensors(source);
      for (const [name, expected] of Object.entries(goldenArrays("clip-vit/train-final.safetensors"))) {
        const actual = toFloat32(await file.read(name));
        expect(largestDifference(actual, expected.values), name).toBeLessThan(1e-3);
      }
      await source.close();
    },
  );
}

test.skipIf(tensorflow?.available !== true)(
  "with bf16 matmuls, 12 steps of training stay within 0.02 of PyTorch's losses",
  async () => {
    const config = parseConfig(
      { ...(recipe("tensorflow") as object), precision: "bf16", run: join(folder, "run-bf16") },
      "recipe",
    );
    await runTraining(runOptions(config));
    const differences = lossesOf(config.run).map((loss, index) =>
      Math.abs(loss - (history[index]?.loss ?? Number.NaN)),
    );
    expect(differences).toHaveLength(12);
    expect(Math.max(...differences), differences.join(" ")).toBeLessThan(2e-2);
  },
);
