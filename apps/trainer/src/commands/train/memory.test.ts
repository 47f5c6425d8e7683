import type { Batch } from "@clip-ts/data";
import { flatLoader, optimize, peakBytes, type Graph, type Target } from "@clip-ts/jit";
import { preset } from "@clip-ts/model";
import { startEngine, type Compiler } from "@clip-ts/engines";
import { expect, test } from "vitest";
import { openRunModel } from "../../config/model.ts";
import { startTraining } from "./start-training.ts";
import { configOf } from "./run-here.test.ts";

/** As many pairs as asked for, all alike. */
function pairs(batch: number): Batch {
  const tokens = 24;
  const inputIds = new Int32Array(batch * tokens).fill(preset("tiny").text.endTokenId);
  const names = Array.from({ length: batch }, String);
  const place = { keys: names, captions: names, epoch: 0, index: 0 };
  const pixelValues = new Float32Array(batch * 3 * 32 * 32);
  return { ...place, pixelValues, inputIds, batch, tokens, imageSize: 32 };
}

const micro = 32;

/** Of the config of a run. */
interface Changes {
  readonly accumulate?: number;
  readonly gradientCheckpointing?: boolean;
}

/** The graphs that one step is compiled to. */
async function graphsOfStep(changes: Changes): Promise<Graph[]> {
  const config = configOf("memory", { model: { preset: "tiny" }, ...changes });
  const { compiler } = await startEngine("onnx");
  const { target } = compiler as Compiler;
  const graphs: Graph[] = [];
  const noting: Target = (graph, use) => {
    graphs.push(optimize(graph));
    return target(graph, use);
  };
  const model = await openRunModel(config.model);
  const noter: Compiler = { target, load: flatLoader(noting) };
  const { active } = await startTraining(config.training, model, { compiler: noter });
  await active.step(pairs(micro * (changes.accumulate ?? 1)));
  active.dispose();
  return graphs;
}

/** Bytes that a compiled step holds at its worst moment. */
async function compiledPeak(changes: Changes): Promise<number> {
  return Math.max(...(await graphsOfStep(changes)).map(peakBytes));
}

test("compiled, an accumulated step needs less than 1.3 times a micro-batch's memory", async () => {
  const [one, eight] = [await compiledPeak({}), await compiledPeak({ accumulate: 8 })];
  expect(eight).toBeLessThan(1.3 * one);
});

test("compiling takes the same work however many micro-batches a step has", async () => {
  const [two, sixteen] = [await graphsOfStep({ accumulate: 2 }), await graphsOfStep({ accumulate: 16 })];
  const operations = (graphs: readonly Graph[]): number => graphs.reduce((sum, { nodes }) => sum + nodes.length, 0);
  expect(sixteen).toHaveLength(two.length);
  expect(operations(sixteen) / operations(two)).toBeCloseTo(1, 1); // shapes let passes do more or less
});

test("compiled, gradient checkpointing saves memory", async () => {
  const checkpointed = await compiledPeak({ gradientCheckpointing: true });
  expect(checkpointed).toBeLessThan(await compiledPeak({}));
});
