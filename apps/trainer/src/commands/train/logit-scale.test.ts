import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { inspectEngines } from "@clip-ts/engines";
import { writeModel } from "@clip-ts/node";
import { dispose, fill, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openRunModel } from "../../config/model.ts";
import { configOf, folder, takeSteps } from "./run-here.test.ts";

const hasTensorflow = inspectEngines().some(({ name, available }) => name === "tensorflow" && available);
const engines = ["cpu", "wasm", "onnx", ...(hasTensorflow ? ["tensorflow"] : [])];
const learningRate = 1e-3;

/** A model folder whose scale is this, as published SigLIPs have it: beyond CLIP's bound. */
async function modelWithScale(kind: string, scale: number): Promise<string> {
  const { start, description } = await openRunModel(configOf("born", { loss: { kind } }).model);
  const leaves = flattenTree<Tensor>(await start());
  const { shape } = leaves["logit_scale"] as Tensor;
  const raised = { ...leaves, logit_scale: fill([...shape], scale) };
  const path = join(folder, `scaled-${kind}`);
  await writeModel(path, description, raised);
  dispose([...Object.values(leaves), raised["logit_scale"]]);
  return path;
}

/** The logarithms before each step of a run whose scale is pushed one way, and the one after. */
async function scalesOf(kind: string, scale: number, engine: string): Promise<number[]> {
  const from = await modelWithScale(kind, scale);
  const config = configOf("scaled", {
    engine,
    model: { from },
    steps: 3,
    optimizer: { kind: "adamw", weightDecay: 0 },
    schedule: { kind: "constant", learningRate },
  });
  const { metrics, after } = await takeSteps(config);
  return [...metrics.map(({ logitScale }) => logitScale), after["logit_scale"]![0]!];
}

const changesOf = (scales: readonly number[]): number[] => scales.slice(1).map((scale, step) => scale - scales[step]!);

test.each(engines)("a SigLIP's scale of 117 is not bounded (%s)", async (engine) => {
  const scales = await scalesOf("sigmoid", 4.7743, engine);
  expect(scales[0]).toBeCloseTo(4.7743, 5);
  for (const change of changesOf(scales)) {
    expect(Math.abs(change)).toBeGreaterThan(0); // it learns, by no more than AdamW's step
    expect(Math.abs(change)).toBeLessThan(2 * learningRate);
  }
});

test.each(engines)("a CLIP's scale beyond 100 comes down by steps, not at once (%s)", async (engine) => {
  const scales = await scalesOf("contrastive", 4.7743, engine);
  expect(scales[0]).toBeCloseTo(4.7743, 5);
  for (const change of changesOf(scales)) {
    expect(change).toBeLessThanOrEqual(0);
    expect(change).toBeGreaterThan(-2 * learningRate);
  }
});
