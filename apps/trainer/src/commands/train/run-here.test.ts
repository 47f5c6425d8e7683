import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "@clip-ts/engines";
import { useEngine } from "@clip-ts/test-utils";
import type { TrainingPlan } from "@clip-ts/training";
import { afterAll, expect, test } from "vitest";
import { openTrainingBatches } from "../../config/batches.ts";
import { parseConfig } from "../../config/load-config.ts";
import { openRunModel } from "../../config/model.ts";
import { runOptions } from "../../config/run-options.ts";
import { startTraining } from "./start-training.ts";
import { stepMetrics, type StepMetrics } from "./progress.ts";
import type { RunOptions } from "../../config/options.ts";

/** Where the tests of this file's users put runs; removed when they end. */
export const folder: string = mkdtempSync(join(tmpdir(), "clip-ts-methods-"));

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await useEngine("cpu");
});

/** A run of the smallest model with some settings changed. */
export function configOf(name: string, changes: Readonly<Record<string, unknown>>): RunOptions {
  const { data = {}, ...rest } = changes;
  const config = {
    run: join(folder, name),
    engine: "wasm",
    model: { preset: "nano" },
    steps: 3,
    optimizer: { kind: "sgd", momentum: 0 },
    schedule: { kind: "constant", learningRate: 0.1 },
    tensorboard: false,
    ...rest,
    data: { train: { kind: "synthetic", count: 32 }, batchSize: 8, ...(data as object) },
  };
  return runOptions(parseConfig(config, name));
}

/** What some steps of a run told and left. */
export interface Taken {
  readonly metrics: readonly StepMetrics[];
  readonly plan: TrainingPlan;
  /** By path; those of a moving average begin with `ema.`. */
  readonly before: Readonly<Record<string, Float32Array>>;
  readonly after: Readonly<Record<string, Float32Array>>;
}

/** Takes a run's steps without saving anything. */
export async function takeSteps({ steps, engine, ...run }: RunOptions): Promise<Taken> {
  const { compiler } = await startEngine(engine.name);
  const model = await openRunModel(run.model);
  const { training, teacher } = run;
  const { active } = await startTraining(training, model, { compiler, teacher });
  const { plan } = active;
  const batches = await openTrainingBatches(run.data, model.description);
  const values = async (): Promise<Record<string, Float32Array>> => {
    const { params, slots } = await active.read();
    const averages = Object.entries(slots["ema"] ?? {}).map(([path, leaf]) => [`ema.${path}`, leaf] as const);
    const entries = [...Object.entries(params), ...averages].map(
      ([path, { data }]) => [path, Float32Array.from(data)] as const,
    );
    return Object.fromEntries(entries);
  };
  const before = await values();
  const metrics: StepMetrics[] = [];
  while (active.steps() < steps) metrics.push(stepMetrics(await active.step(await batches.next())));
  const after = await values();
  await batches.close();
  active.dispose();
  return { metrics, plan, before, after };
}

test("the same config takes the same steps", async () => {
  const [one, other] = [await takeSteps(configOf("one", {})), await takeSteps(configOf("one", {}))];
  expect(one.metrics).toEqual(other.metrics);
  expect(one.metrics).toHaveLength(3);
});
