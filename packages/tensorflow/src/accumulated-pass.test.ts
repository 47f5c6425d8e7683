import { valueAndGradient } from "@clip-ts/core";
import { relativeError } from "@clip-ts/test-utils";
import { add, matMul, mean, mul, square, sub, sum, tanh, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import { onnxTarget } from "@clip-ts/onnx";
import {
  type AccumulatedGradient,
  compileTraining,
  type HostArray,
  type HostArrays,
  interpretTarget,
  type Target,
  type TrainingProgram,
  type TrainingSpec,
} from "@clip-ts/jit";
import { accumulatedSteps } from "./accumulated-steps.ts";
import { compileTensorflowTraining } from "./compile-tensorflow-training.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";

type Compile = (spec: TrainingSpec) => Promise<TrainingProgram>;

const compilers: Readonly<Record<string, Compile>> = {
  onnx: (given) => compileTraining(given, onnxTarget({ runtime, threads: 1 })),
  interpreted: (given) => compileTraining(given, interpretTarget),
  ...(hasTensorflow && { tensorflow: (given) => compileTensorflowTraining(given, { folders }) }),
};

const [rows, width] = [10, 3];
const wave = (length: number, step: number): Float32Array =>
  Float32Array.from({ length }, (_, index) => Math.sin(1 + index * step));

const features = (w: Tensor, x: Tensor): Tensor => tanh(matMul(x, w));
/** Every row compared with every other: no sum of losses of parts of the batch. */
const lossOf = (feature: Tensor, scale: Tensor, goal: Tensor): Tensor =>
  mean(square(sub(mul(matMul(feature, feature, false, true), scale), goal)));

const gradient: TrainingSpec["gradient"] = ({ w, scale, seen }, { x, goal }) => {
  const { value, gradient: grads } = valueAndGradient(
    (own: { w: Tensor; scale: Tensor }) => ({
      loss: lossOf(features(own.w, x as Tensor), own.scale, goal as Tensor),
    }),
    { w: w as Tensor, scale: scale as Tensor },
  );
  return { loss: value, grads, statistics: { seen: add(seen as Tensor, sum(x as Tensor)) } };
};

const accumulated: AccumulatedGradient = {
  compared: ["scale"],
  encode: ({ w, seen }, { x }) => ({
    features: { feature: features(w as Tensor, x as Tensor) },
    statistics: { seen: add(seen as Tensor, sum(x as Tensor)) },
  }),
  compare({ scale }, { feature }, { goal }) {
    const { value, gradient: grads } = valueAndGradient(
      (own: { feature: Tensor; scale: Tensor }) => ({
        loss: lossOf(own.feature, own.scale, goal as Tensor),
      }),
      { feature: feature as Tensor, scale: scale as Tensor },
    );
    return { loss: value, cotangents: { feature: grads.feature }, grads: { scale: grads.scale } };
  },
  pullBack({ w }, { x }, { feature }) {
    const pull = (own: { w: Tensor }): { loss: Tensor } => ({
      loss: sum(mul(features(own.w, x as Tensor), feature as Tensor)),
    });
    return { ...valueAndGradient(pull, { w: w as Tensor }).gradient };
  },
};

const spec: TrainingSpec = {
  params: {
    w: { data: wave(width * width, 0.7), shape: [width, width] },
    scale: { data: Float32Array.of(1.5), shape: [] },
    seen: { data: Float32Array.of(0), shape: [] },
  },
  leaves: { w: {}, scale: {} },
  slots: [],
  gradient,
  update: ({ param, grad }) => [sub(param, mul(grad, 0.1))],
};

const goal = { data: wave(rows * rows, 0.3), shape: [rows, rows] };
const all = wave(rows * width, 0.9);

/** The same pairs in parts of these sizes; one size leaves the batch whole. */
function inParts(sizes: readonly number[]): HostArrays {
  let start = 0;
  const parts = sizes.map((size, part): [string, HostArray] => {
    const data = all.subarray(start * width, (start + size) * width);
    start += size;
    return [sizes.length === 1 ? "x" : `${part}/x`, { data, shape: [size, width] }];
  });
  return { ...Object.fromEntries(parts), goal };
}

/** Three steps on the batch in parts. */
async function train(sizes: readonly number[], compile: Compile, changes: Partial<TrainingSpec>) {
  const program = await compile({ ...spec, ...changes });
  const metrics: Readonly<Record<string, number>>[] = [];
  for (let step = 0; step < 3; step++) metrics.push(await program.run(inParts(sizes), {}));
  const { params } = await program.readState();
  await program.dispose();
  return { metrics, params };
}

test.each(Object.keys(compilers))(
  "micro-batches of any sizes take the steps of the whole batch (%s)",
  async (name) => {
    const compile = compilers[name] as Compile;
    const whole = await train([rows], compile, { accumulated });
    expect(whole.metrics[2]?.["loss"]).toBeLessThan(whole.metrics[0]?.["loss"] ?? 0);
    for (const sizes of [Array.from({ length: rows }, () => 1), [3, 2, 3, 2], [5, 5]]) {
      const { metrics, params } = await train(sizes, compile, { accumulated });
      metrics.forEach(({ loss = 0, gradNorm = 0 }, step) => {
        expect(loss / (whole.metrics[step]?.["loss"] ?? 0)).toBeCloseTo(1, 5);
        expect(gradNorm / (whole.metrics[step]?.["gradNorm"] ?? 0)).toBeCloseTo(1, 5);
      });
      for (const [path, { data }] of Object.entries(whole.params)) {
        expect(relativeError(params[path]?.data ?? [], data), path).toBeLessThan(1e-5);
      }
    }
  },
);

test("two graphs for each size of micro-batch and one for their rows, however many there are", async () => {
  const compiled: string[] = [];
  const noting: Target = (graph) => {
    compiled.push(graph.outputs[0]?.name ?? "");
    return interpretTarget(graph);
  };
  await train(
    Array.from({ length: rows }, () => 1),
    (given) => compileTraining(given, noting),
    { accumulated },
  );
  const [encode, pullBack, compare] = ["feature:feature", "grad:w", "loss"];
  expect(compiled.filter((name) => !/^(squares|next:)/u.test(name))).toEqual([
    encode,
    pullBack,
    compare,
  ]);
});

test("a program of TensorFlow has as many entry points for ten micro-batches as for two", () => {
  const namesFor = (sizes: readonly number[]): string[] => {
    const { steps } = accumulatedSteps(spec, accumulated, { batch: inParts(sizes), scalars: [] });
    return Object.keys(steps).map((name) => name.split(" x ")[0] as string);
  };
  const names = ["encode", "pull back", "compare feature 10x3, goal 10x10", "statistics", "update"];
  expect(namesFor([5, 5])).toEqual(names);
  expect(namesFor(Array.from({ length: rows }, () => 1))).toEqual(names);
});

test("says how many micro-batches of which shapes it compiles for", async () => {
  const told: string[] = [];
  const onCompile = (shapes: string) => {
    told.push(shapes);
    return () => {};
  };
  await train([3, 3, 4], compilers["interpreted"] as Compile, { accumulated, onCompile });
  expect(told).toEqual(["2 x (x 3x3), 1 x (x 4x3), goal 10x10"]);
});

test("a leaf that no part has a gradient for is named", async () => {
  const forgetful = { ...accumulated, pullBack: () => ({}) };
  for (const compile of Object.values(compilers)) {
    await expect(train([5, 5], compile, { accumulated: forgetful })).rejects.toThrow(
      'There is no gradient for the leaf "w".',
    );
  }
});

test.each(Object.keys(compilers))(
  "a loss that is not finite changes nothing (%s)",
  async (name) => {
    const compile = compilers[name] as Compile;
    const program = await compile({ ...spec, accumulated });
    const { params: before } = await program.readState();
    const kept = Object.entries(before).map(([path, { data }]) => [path, data.slice()] as const);
    const batch = inParts([5, 5]);
    const broken = {
      ...batch,
      goal: { ...goal, data: new Float32Array(rows * rows).fill(Number.NaN) },
    };
    expect((await program.run(broken, {}))["loss"]).toBeNaN();
    const { params: after } = await program.readState();
    for (const [path, data] of kept) expect(after[path]?.data, path).toEqual(data);
    const { loss } = await program.run(batch, {}); // what the broken step summed is gone
    expect(Number.isFinite(loss)).toBe(true);
    await program.dispose();
  },
);
