import { valueAndGradient } from "@clip-ts/core";
import { localExchange, relativeError, trainOn, type TrainingOnEngine, type TrainingSpec } from "@clip-ts/test-utils";
import { add, matMul, mean, mul, square, sub, sum, tanh, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import { onnxTarget } from "@clip-ts/onnx";
import {
  flatLoader,
  type GradientParts,
  type HostArray,
  type HostArrays,
  interpretTarget,
  loadEager,
  type StepBatch,
  type Target,
} from "@clip-ts/jit";
import { specsOf } from "@clip-ts/jit/backend";
import { tensorflowLoader } from "./load-tensorflow.ts";
import { entriesFor } from "./step-entries.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";

type Compile = (spec: TrainingSpec) => Promise<TrainingOnEngine>;

const compilers: Readonly<Record<string, Compile>> = {
  onnx: (given) => trainOn(flatLoader(onnxTarget({ runtime, threads: 1 })), given),
  interpreted: (given) => trainOn(flatLoader(interpretTarget), given),
  eager: (given) => trainOn(loadEager, given),
  ...(hasTensorflow && { tensorflow: (given) => trainOn(tensorflowLoader({ folders }), given) }),
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

const accumulated: GradientParts = {
  compared: ["scale"],
  encode: ({ w, seen }, { x }) => ({
    rows: { feature: features(w as Tensor, x as Tensor) },
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
function inParts(sizes: readonly number[]): StepBatch {
  let start = 0;
  const parts = sizes.map((size): { readonly x: HostArray } => {
    const data = all.subarray(start * width, (start + size) * width);
    start += size;
    return { x: { data, shape: [size, width] } };
  });
  return { parts, shared: { goal } };
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

test.each(Object.keys(compilers))("micro-batches of any sizes take the steps of the whole batch (%s)", async (name) => {
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
});

test("two graphs for each size of micro-batch and one for their rows, however many there are", async () => {
  const compiled: string[] = [];
  const noting: Target = (graph) => {
    compiled.push(graph.outputs[0]?.name ?? "");
    return interpretTarget(graph);
  };
  await train(
    Array.from({ length: rows }, () => 1),
    (given) => trainOn(flatLoader(noting), given),
    { accumulated },
  );
  const [encode, pullBack, compare] = ["feature:feature", "next:grad:w", "loss"];
  expect(compiled.filter((name) => !/^(squares|next:param)/u.test(name))).toEqual([encode, pullBack, compare]);
});

test("a program of TensorFlow has as many entry points for ten micro-batches as for two", () => {
  const namesFor = (sizes: readonly number[]): string[] => {
    const { leaves, slots, update: move, gradient: whole, params } = spec;
    const functions = { gradient: whole, parts: accumulated, update: { leaves, slots, move } };
    const source = { functions, params: specsOf(params) };
    const { entries } = entriesFor(source, { batch: inParts(sizes), scalars: [] });
    return Object.keys(entries).map((name) => name.split(" x ")[0] as string);
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

test.each(Object.keys(compilers))("a loss that is not finite changes nothing (%s)", async (name) => {
  const compile = compilers[name] as Compile;
  const program = await compile({ ...spec, accumulated });
  const { params: before } = await program.readState();
  const kept = Object.entries(before).map(([path, { data }]) => [path, data.slice()] as const);
  const batch = inParts([5, 5]);
  const broken = {
    ...batch,
    shared: { goal: { ...goal, data: new Float32Array(rows * rows).fill(Number.NaN) } },
  };
  expect((await program.run(broken, {}))["loss"]).toBeNaN();
  const { params: after } = await program.readState();
  for (const [path, data] of kept) expect(after[path]?.data, path).toEqual(data);
  const { loss } = await program.run(batch, {}); // what the broken step summed is gone
  expect(Number.isFinite(loss)).toBe(true);
  await program.dispose();
});

/** The same without a running statistic, and with an optimiser that remembers. */
const shared: TrainingSpec = {
  ...spec,
  gradient: (...given) => ({ ...gradient(...given), statistics: {} }),
  accumulated: {
    ...accumulated,
    encode: ({ w }, { x }) => ({ rows: { feature: features(w as Tensor, x as Tensor) } }),
  },
  slots: ["total"],
  update: ({ param, grad, slots: [total] }) => {
    const sum = add(total as Tensor, grad);
    return [sub(param, mul(sum, 0.1)), sum];
  },
  maxNorm: 0.5,
};

test.each(Object.keys(compilers))(
  "two ranks that exchange take the steps of one that accumulates over two, bit for bit (%s)",
  async (name) => {
    const compile = compilers[name] as Compile;
    const [alone, ...ranks] = await Promise.all([
      compile(shared),
      ...localExchange(2).map((exchange) => compile({ ...shared, exchange })),
    ]);
    const { parts, shared: all } = inParts([5, 5]);
    for (let step = 0; step < 3; step++) {
      const expected = await alone!.run({ parts, shared: all }, {});
      const own = ranks.map((rank, at) => rank.run({ parts: [parts[at]!], shared: all }, {}));
      for (const numbers of await Promise.all(own)) expect(numbers).toEqual(expected);
    }
    const expected = await alone!.readState();
    expect(expected.params["w"]!.data).not.toEqual(spec.params["w"]!.data);
    for (const rank of ranks) expect(await rank.readState()).toEqual(expected);
    await Promise.all([alone!, ...ranks].map((each) => each.dispose()));
  },
);

test.each(Object.keys(compilers))("ranks go on with the running statistics of rank 0 (%s)", async (name) => {
  const compile = compilers[name] as Compile;
  const [first, second] = await Promise.all(
    localExchange(2).map((exchange) => compile({ ...spec, accumulated, exchange })),
  );
  const { parts, shared: all } = inParts([5, 5]);
  for (let step = 0; step < 2; step++) {
    const own = [first!, second!].map((rank, at) => rank.run({ parts: [parts[at]!], shared: all }, {}));
    await Promise.all(own);
  }
  const alone = await compile({ ...spec, accumulated });
  const goalOfFirst = { data: goal.data.slice(0, 25), shape: [5, 5] };
  for (let step = 0; step < 2; step++) await alone.run({ parts: [parts[0]!], shared: { goal: goalOfFirst } }, {});
  const { seen } = (await alone.readState()).params;
  expect(seen!.data[0]).not.toBe(0);
  for (const rank of [first!, second!]) expect((await rank.readState()).params["seen"]).toEqual(seen);
  expect((await second!.readState()).params).toEqual((await first!.readState()).params);
  await Promise.all([alone, first!, second!].map((each) => each.dispose()));
});

test("numbers ride along with the gradients: each rank is told the sums once a step, before its state moves", async () => {
  const told: unknown[] = [];
  let sums = 0;
  const exchanges = localExchange(2, (rank) => ({
    give: () => ({ stop: rank, skipped: 3 }),
    take: (numbers) => told.push(numbers),
  })).map((exchange) => ({
    ...exchange,
    sum: (arrays: HostArrays) => {
      sums += 1;
      return exchange.sum(arrays);
    },
  }));
  const ranks = await Promise.all(exchanges.map((exchange) => trainOn(loadEager, { ...shared, exchange })));
  const { parts, shared: all } = inParts([5, 5]);
  await Promise.all(ranks.map((rank, at) => rank.run({ parts: [parts[at]!], shared: all }, {})));
  expect(told).toEqual([
    { stop: 1, skipped: 6 },
    { stop: 1, skipped: 6 },
  ]);
  expect(sums).toBe(2); // no call of their own
  await Promise.all(ranks.map((each) => each.dispose()));
});

test("a sum written over what was given is no other", async () => {
  const overwriting = localExchange(2).map((exchange) => ({
    ...exchange,
    async sum(own: HostArrays) {
      const sums = await exchange.sum(own);
      for (const [name, { data }] of Object.entries(own)) data.set(sums[name]!.data);
      return own;
    },
  }));
  const states = [];
  for (const exchanges of [localExchange(2), overwriting]) {
    const load = flatLoader(interpretTarget);
    const ranks = await Promise.all(exchanges.map((exchange) => trainOn(load, { ...shared, exchange })));
    const { parts, shared: all } = inParts([5, 5]);
    await Promise.all(ranks.map((rank, at) => rank.run({ parts: [parts[at]!], shared: all }, {})));
    states.push(structuredClone(await ranks[1]!.readState()));
    await Promise.all(ranks.map((each) => each.dispose()));
  }
  expect(states[1]).toEqual(states[0]);
});
