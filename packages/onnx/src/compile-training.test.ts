import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { clipSpec, forward, parseClipConfig, type ClipParams } from "@clip-ts/model";
import { createOptimizer, createSchedule, type LeafSettings, type OptimizerConfig } from "@clip-ts/optim";
import {
  goldenArrays,
  goldenJson,
  largestDifference,
  trainOn,
  type TrainingOnEngine,
  type TrainingSpec,
} from "@clip-ts/test-utils";
import { add, clipByValue, memory, mul, sum, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import { onnxTarget } from "./compile-onnx.ts";
import {
  flatLoader,
  type HostArray,
  type HostArrays,
  interpretTarget,
  type LeafSettings as Settings,
  type Target,
} from "@clip-ts/jit";

const compileTraining = <Own extends Settings>(spec: TrainingSpec<Own>, target: Target): Promise<TrainingOnEngine> =>
  trainOn(flatLoader(target), spec);

const targets: Readonly<Record<string, Target>> = {
  onnx: onnxTarget({ runtime, threads: 1 }),
  interpreted: interpretTarget,
};

const array = (values: readonly number[], shape = [values.length]): HostArray => ({
  data: Float32Array.from(values),
  shape,
});
const numbersIn = ({ data }: HostArray): number[] => Array.from(data);

const scalarLoss: TrainingSpec["gradient"] = ({ w, b }, { x }) => {
  const { value, gradient, aux } = valueAndGradient(
    (tree: { w: Tensor; b: Tensor }) => {
      const error = sub(mul(tree.w, x as Tensor), tree.b);
      return { loss: sum(square(error)), aux: { error: sum(error) } };
    },
    { w: w as Tensor, b: b as Tensor },
  );
  return { loss: value, metrics: { error: aux?.error as Tensor }, grads: gradient as never };
};

/** Two leaves and plain gradient descent. */
const small: TrainingSpec = {
  params: { w: array([1, 2, 3]), b: array([0.5], []) },
  leaves: { w: { rate: 1 }, b: { rate: 10 } },
  slots: ["sum"],
  gradient: scalarLoss,
  update: ({ param, grad, slots: [total], scalars, settings }) => [
    sub(param, mul(mul(grad, scalars["rate"]!), settings["rate"] as number)),
    sub(total as Tensor, grad),
  ],
};

test.each(Object.keys(targets))("a step moves every leaf by its own settings (%s)", async (name) => {
  const program = await compileTraining(small, targets[name] as Target);
  const metrics = await program.run({ x: array([1, 1, 1]) }, { rate: 0.125 });
  // errors 0.5, 1.5, 2.5; gradient of w 1, 3, 5 and of b -9
  expect(metrics["loss"]).toBeCloseTo(8.75, 6);
  expect(metrics["error"]).toBeCloseTo(4.5, 6);
  expect(metrics["gradNorm"]).toBeCloseTo(Math.sqrt(1 + 9 + 25 + 81), 5);
  const { params, slots } = await program.readState();
  expect(numbersIn(params["w"] as HostArray)).toEqual([0.875, 1.625, 2.375]);
  expect(numbersIn(params["b"] as HostArray)).toEqual([11.75]);
  expect(numbersIn(slots["sum"]?.["w"] as HostArray)).toEqual([-1, -3, -5]);
  await program.dispose();
});

test("says when it compiles, and for which shapes", async () => {
  const told: string[] = [];
  const onCompile = (shapes: string) => {
    told.push(`${shapes} ...`);
    return () => told.push(`${shapes} done`);
  };
  const program = await compileTraining({ ...small, onCompile }, interpretTarget);
  for (const x of [array([1, 1, 1]), array([1, 1, 1]), array([1, 1, 1], [1, 3])]) {
    await program.run({ x }, { rate: 0 });
  }
  expect(told).toEqual(["x 3 ...", "x 3 done", "x 1x3 ...", "x 1x3 done"]);
  await program.dispose();
});

test("gradients longer than maxNorm are scaled down", async () => {
  const program = await compileTraining({ ...small, maxNorm: 1 }, interpretTarget);
  const { gradNorm = 0 } = await program.run({ x: array([1, 1, 1]) }, { rate: 1 });
  const { slots } = await program.readState();
  const [first = 0] = numbersIn(slots["sum"]?.["w"] as HostArray);
  expect(first).toBeCloseTo(-1 / gradNorm, 6);
  await program.dispose();
});

test("a step whose loss is not finite changes nothing", async () => {
  const program = await compileTraining(small, targets["onnx"] as Target);
  const metrics = await program.run({ x: array([1, Number.NaN, 1]) }, { rate: 1 });
  expect(metrics["loss"]).toBeNaN();
  const { params } = await program.readState();
  expect(numbersIn(params["w"] as HostArray)).toEqual([1, 2, 3]);
  await program.dispose();
});

test.each(Object.keys(targets))(
  "statistics replace what is not trained, unless the loss is not finite (%s)",
  async (name) => {
    const spec: TrainingSpec = {
      ...small,
      params: { ...small.params, seen: array([1], []) },
      gradient(params, batch) {
        const seen = add(params["seen"] as Tensor, sum(batch["x"] as Tensor));
        return { ...scalarLoss(params, batch), statistics: { seen } };
      },
    };
    const program = await compileTraining(spec, targets[name] as Target);
    for (const [x, expected] of [
      [1, 4],
      [Number.NaN, 4],
      [2, 9],
    ] as const) {
      const metrics = await program.run({ x: array([1, x, x === 1 ? 1 : 2]) }, { rate: 0.01 });
      expect(Object.keys(metrics)).toEqual(["loss", "error", "gradNorm"]);
      const { params } = await program.readState();
      expect(numbersIn(params["seen"] as HostArray)).toEqual([expected]);
    }
    await program.dispose();
  },
);

test("leaves that are not trained stay, and batches of other shapes are compiled when they come", async () => {
  const compiled: string[] = [];
  const target: Target = (graph) => {
    compiled.push(graph.outputs[0]?.name ?? "");
    return interpretTarget(graph);
  };
  const spec = { ...small, leaves: { b: { rate: 1 } }, maxCompiled: 1 };
  const program = await compileTraining(spec, target);
  for (const x of [array([1, 1, 1]), array([1]), array([2]), array([1, 1, 1])]) {
    await program.run({ x }, { rate: 0.1 });
  }
  expect(compiled.filter((output) => output === "loss")).toHaveLength(3);
  const { params } = await program.readState();
  expect(numbersIn(params["w"] as HostArray)).toEqual([1, 2, 3]);
  expect(numbersIn(params["b"] as HostArray)).not.toEqual([0.5]);
  await program.dispose();
});

test("a leaf without a parameter, a gradient or its length is an error that names it", async () => {
  const unknown = compileTraining({ ...small, leaves: { c: {} } }, interpretTarget);
  await expect(unknown).rejects.toThrow(/no parameter "c"/u);
  const silent = await compileTraining(
    { ...small, gradient: (...given) => ({ ...scalarLoss(...given), grads: {} }) },
    interpretTarget,
  );
  await expect(silent.run({ x: array([1]) }, { rate: 1 })).rejects.toThrow(/leaf "w"/u);
  const wrong = silent.writeState({ params: { w: array([1]) } });
  await expect(wrong).rejects.toThrow(/"w" of shape \[3\]; got \[1\]/u);
});

const config = parseClipConfig(goldenJson("clip-vit/config.json"));
const weights = goldenArrays("clip-vit/model.safetensors");
const batches = goldenArrays("clip-vit/train-batches.safetensors");

const hosted = ({ values, shape }: (typeof weights)[string]): HostArray => ({
  data: values,
  shape,
});
const hostedTree = (tree: typeof weights): HostArrays =>
  Object.fromEntries(Object.entries(tree).map(([path, leaf]) => [path, hosted(leaf)]));

type Bounded = LeafSettings & { readonly low?: number; readonly high?: number };

function goldenTraining(optimizer: OptimizerConfig): TrainingSpec<Bounded> {
  const rule = createOptimizer(optimizer, weights);
  const bounded = { ...rule.leaves["logit_scale"]!, low: 0, high: Math.log(100) };
  return {
    params: hostedTree(weights),
    leaves: { ...rule.leaves, logit_scale: bounded },
    slots: rule.slots,
    maxNorm: 1,
    gradient(params, { pixelValues, inputIds }) {
      const batch = { pixelValues, inputIds } as { pixelValues: Tensor; inputIds: Tensor };
      const { value, gradient } = valueAndGradient(
        (tree: ClipParams) => ({ loss: forward(tree, batch, config).loss }),
        unflattenLike(clipSpec(config), params) as ClipParams,
      );
      return { loss: value, grads: flattenTree<Tensor>(gradient) };
    },
    update({ settings: { low, high, ...settings }, ...leaf }) {
      const [moved, ...slots] = rule.updateLeaf({ ...leaf, ...settings });
      if (low === undefined || high === undefined) return [moved as Tensor, ...slots];
      return [clipByValue(moved as Tensor, low, high), ...slots];
    },
  };
}

const adamw = { kind: "adamw", beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.2 } as const;
const schedule = createSchedule({ kind: "cosine", learningRate: 0.002, warmupSteps: 3, steps: 12 });

const stepOf = (program: TrainingOnEngine, step: number, optimizer: OptimizerConfig) => {
  const pick = (name: string): HostArray => hosted(batches[`${name}.${step}`] as never);
  return program.run(
    { pixelValues: pick("pixel_values"), inputIds: pick("input_ids") },
    createOptimizer(optimizer, weights).scalars(step, schedule(step)),
  );
};

const worst = (actual: HostArrays, expected: typeof weights): number =>
  Math.max(
    ...Object.entries(expected).map(([path, { values }]) =>
      largestDifference((actual[path] as HostArray).data as Float32Array, values),
    ),
  );

test("loss and gradients on ONNX Runtime are PyTorch's", async () => {
  const program = await compileTraining(
    {
      ...goldenTraining(adamw),
      params: hostedTree(weights),
      maxNorm: Number.POSITIVE_INFINITY,
      slots: ["grad"],
      update: ({ param, grad }) => [param.clone(), grad.clone()],
    },
    targets["onnx"] as Target,
  );
  const io = goldenArrays("clip-vit/io.safetensors");
  const batch = { pixelValues: hosted(io["pixel_values"]!), inputIds: hosted(io["input_ids"]!) };
  const { loss } = await program.run(batch, {});
  expect(loss).toBeCloseTo(io["loss"]?.values[0] as number, 5);
  const { slots } = await program.readState();
  expect(worst(slots["grad"] as HostArrays, goldenArrays("clip-vit/grads.safetensors"))).toBeLessThan(1e-4);
  await program.dispose();
});

interface Reference {
  readonly history: readonly { readonly loss: number; readonly grad_norm: number }[];
}
const { history } = goldenJson("clip-vit/train.json") as Reference;

test("12 steps on ONNX Runtime follow PyTorch's losses; its state continues elsewhere", async () => {
  const tensors = memory().numTensors;
  let program = await compileTraining(goldenTraining(adamw), targets["onnx"] as Target);
  for (const [step, reference] of history.entries()) {
    if (step === 10) {
      const state = await program.readState();
      const next = await compileTraining(goldenTraining(adamw), interpretTarget);
      await next.writeState(state);
      await program.dispose();
      program = next;
    }
    const { loss = 0, gradNorm = 0 } = await stepOf(program, step, adamw);
    expect(Math.abs(loss - reference.loss)).toBeLessThan(1e-4);
    expect(Math.abs(gradNorm / reference.grad_norm - 1)).toBeLessThan(1e-3);
  }
  const { params } = await program.readState();
  expect(worst(params, goldenArrays("clip-vit/train-final.safetensors"))).toBeLessThan(1e-3);
  await program.dispose();
  expect(memory().numTensors).toBe(tensors);
});

test.each(["adamw", "lion", "sgd"] as const)("%s moves the state as tfjs does", async (kind) => {
  const w = Array.from({ length: 100 }, (_, index) => Math.sin(index));
  const params = { w: array(w), b: array([0.5], []) };
  const rule = createOptimizer({ kind }, params);
  const run = async (target: Target): Promise<number[]> => {
    const program = await compileTraining(
      {
        ...small,
        params,
        leaves: rule.leaves,
        slots: rule.slots,
        update: ({ settings, ...leaf }) => rule.updateLeaf({ ...leaf, ...settings }),
      },
      target,
    );
    for (const step of [0, 1, 2]) {
      await program.run({ x: array(w.toReversed()) }, rule.scalars(step, 0.01));
    }
    const { params: moved, slots } = await program.readState();
    await program.dispose();
    return [moved, ...Object.values(slots)].flatMap((tree) => Object.values(tree).flatMap(numbersIn));
  };
  const expected = await run(interpretTarget);
  expect(expected.slice(0, 100)).not.toEqual(w);
  expect(largestDifference(await run(targets["onnx"] as Target), expected)).toBeLessThan(1e-5);
});
