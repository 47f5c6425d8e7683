import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { inspectEngines } from "@clip-ts/engines";
import { relativeError } from "@clip-ts/test-utils";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { openRunModel } from "../../config/model.ts";
import { configOf, folder, takeSteps, type Taken } from "./run-here.test.ts";
import { runTraining } from "./run-training.ts";
import { openModel, writeModel } from "@clip-ts/node";

const hasTensorflow = inspectEngines().some(({ name, available }) => name === "tensorflow" && available);
const compiling = ["onnx", ...(hasTensorflow ? ["tensorflow"] : [])];
const engines = ["cpu", "wasm", ...compiling];
const teacher = join(folder, "teacher");

beforeAll(async () => {
  const { description, start } = await openRunModel(configOf("teacher", { seed: 5 }).model);
  const leaves = flattenTree<Tensor>(await start());
  await writeModel(teacher, description, leaves);
  dispose(leaves as never);
});

/** Both took the same steps and ended at the same weights, up to rounding. */
function expectSame(actual: Taken, expected: Taken, tolerance: number): void {
  expected.metrics.forEach(({ loss, accuracy, gradNorm }, step) => {
    const own = actual.metrics[step];
    expect(Math.abs((own?.loss ?? Number.NaN) / loss - 1), `loss ${step}`).toBeLessThan(tolerance);
    expect(Math.abs((own?.gradNorm ?? Number.NaN) / gradNorm - 1)).toBeLessThan(10 * tolerance);
    expect(own?.accuracy).toBeCloseTo(accuracy, 5);
  });
  for (const [path, leaf] of Object.entries(expected.after)) {
    expect(relativeError(actual.after[path]!, leaf, 1e-2), path).toBeLessThan(tolerance);
  }
}

const changedPaths = ({ before, after }: Taken): string[] =>
  Object.keys(after).filter((path) => !Buffer.from(after[path]!.buffer).equals(Buffer.from(before[path]!.buffer)));

const losses = {
  contrastive: {},
  smoothed: { loss: { kind: "contrastive", labelSmoothing: 0.1 } },
  multiPositive: {
    loss: { kind: "contrastive", multiPositive: true },
    data: { train: { kind: "synthetic", count: 64 }, distinct: false },
  },
  chunked: { loss: { kind: "contrastive", chunk: 3, labelSmoothing: 0.05 } },
  sigmoid: { loss: { kind: "sigmoid" } },
  sigmoidChunked: { loss: { kind: "sigmoid", chunk: 3 } },
  patchDropout: { model: { preset: "nano", patchDropout: 0.5 } },
  checkpointing: { gradientCheckpointing: true },
  averaged: { ema: { decay: 0.3 } },
  distilled: { distill: { from: teacher } },
  distilledChunked: { distill: { from: teacher }, loss: { kind: "contrastive", chunk: 3 } },
} as const;

describe.each(Object.entries(losses))("%s", (name, changes) => {
  const sized = (batchSize: number): Record<string, unknown> => ({
    ...changes,
    data: { ...("data" in changes ? changes.data : {}), batchSize },
  });

  test.each(compiling)("compiled, it takes the steps that it takes eagerly (%s)", async (engine) => {
    const [eager, compiled] = [
      await takeSteps(configOf(name, sized(8))),
      await takeSteps(configOf(name, { ...sized(8), engine })),
    ];
    expectSame(compiled, eager, 1e-4);
    expect(eager.metrics[0]?.loss).toBeGreaterThan(0.1);
  });

  test.each(engines)("8 micro-batches take the steps of one batch (%s)", async (engine) => {
    const parts = 8;
    const whole = await takeSteps(configOf(name, { ...sized(16), engine }));
    const accumulated = { ...sized(16 / parts), engine, accumulate: parts };
    expectSame(await takeSteps(configOf(name, accumulated)), whole, 1e-5);
  });
});

test.each([
  { loss: { kind: "sigmoid" } },
  { loss: { kind: "contrastive" } },
  { loss: { kind: "contrastive" }, distill: { from: teacher } },
])("chunks do not change what a loss is: %j", async ({ loss, ...changes }) => {
  const plain = await takeSteps(configOf("plain", { ...changes, loss }));
  const chunked = await takeSteps(configOf("cut", { ...changes, loss: { ...loss, chunk: 5 } }));
  chunked.metrics.forEach(({ loss }, step) => {
    expect(loss).toBeCloseTo(plain.metrics[step]?.loss ?? 0, 5);
  });
});

test.each(engines)("a run that gets no better ends, its best model kept (%s)", async (engine) => {
  const retrieval = { data: { kind: "synthetic", count: 8 } };
  const config = configOf(`early-${engine}`, {
    engine,
    steps: 9,
    evaluate: { every: 1, retrieval },
    earlyStopping: { patience: 1, minDelta: 1 },
  });
  const { step, stoppedEarly } = await runTraining(config);
  expect(step).toBe(2);
  expect(stoppedEarly).toMatchObject({ step: 0, since: 1 });
  const best = await openModel(join(config.run, "best"));
  expect(best.config.projectionDim).toBe(8);
});

describe.each(engines)("locked and adapted towers (%s)", (engine) => {
  test("not a bit of a locked image tower changes; the text tower and the scale learn", async () => {
    const taken = await takeSteps(configOf("lit", { engine, lock: { image: {} } }));
    const changed = changedPaths(taken);
    expect(changed.filter((path) => path.startsWith("vis"))).toEqual([]);
    expect(changed).toContain("logit_scale");
    expect(changed).toContain("text_projection.weight");
    expect(Object.keys(taken.plan.trained).some((path) => path.startsWith("vis"))).toBe(false);
  });

  test("unlocked groups are counted from the output", async () => {
    const lock = { image: { unlockedGroups: 1 }, text: { unlockedGroups: 0 } };
    const changed = changedPaths(await takeSteps(configOf("groups", { engine, lock })));
    expect(changed.toSorted()).toEqual(["logit_scale", "visual_projection.weight"]);
  });

  test("a locked tower gives the others the gradients that they have beside an unlocked one", async () => {
    const steps = { steps: 1, engine };
    const free = await takeSteps(configOf("free", steps));
    const locked = await takeSteps(configOf("locked", { ...steps, lock: { image: {} } }));
    for (const path of Object.keys(locked.plan.trained)) {
      // 1e-5: the keys' biases have no gradient but rounding, on each engine another
      expect(relativeError(locked.after[path]!, free.after[path]!, 1e-2), path).toBeLessThan(1e-5);
    }
  });

  test("LoRA moves adapters and the scale, nothing else", async () => {
    const taken = await takeSteps(configOf("lora", { engine, lora: { rank: 2, alpha: 4 } }));
    const changed = changedPaths(taken);
    expect(changed.filter((path) => !/lora_[AB]/.test(path))).toEqual(["logit_scale"]);
    expect(changed).toHaveLength(1 + Object.keys(taken.plan.adapters).length);
    expect(taken.metrics[2]!.loss).toBeLessThan(taken.metrics[0]!.loss + 1);
  });

  test("layer-wise decay counts layers from the head, also where the head does not learn", async () => {
    const slowed = {
      engine,
      steps: 1,
      lora: { rank: 2, targets: ["attention"], train: ["logit_scale"] },
    };
    const [free, decayed] = [
      await takeSteps(configOf("lora-even", slowed)),
      await takeSteps(configOf("lora-decayed", { ...slowed, layerDecay: 0.5 })),
    ];
    const path = "text_model.encoder.layers.0.self_attn.q_proj.lora_B.weight";
    const longest = ({ after }: Taken): number => Math.max(...after[path]!.map(Math.abs));
    expect(longest(decayed) / longest(free)).toBeCloseTo(0.5, 3);
  });

  test("layer-wise decay slows the layers by their depth", async () => {
    const free = await takeSteps(configOf("even", { engine, steps: 1 }));
    const slowed = await takeSteps(configOf("slowed", { engine, steps: 1, layerDecay: { image: 0.5 } }));
    const moved = ({ before, after }: Taken, path: string): number =>
      Math.hypot(...after[path]!.map((value, index) => value - before[path]![index]!));
    const share = (path: string): number => moved(slowed, path) / moved(free, path);
    expect(share("visual_projection.weight")).toBeCloseTo(1, 3);
    expect(share("vision_model.encoder.layers.0.mlp.fc1.weight")).toBeCloseTo(0.5, 3);
    expect(share("vision_model.embeddings.patch_embedding.weight")).toBeCloseTo(0.25, 3);
    expect(share("text_projection.weight")).toBeCloseTo(1, 3);
  });
});
