import { readFile } from "node:fs/promises";
import { memory, scalar, tensor, zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createOptimizer, type OptimizerConfig, type Scalars } from "./index.ts";

type Values = Record<string, number[]>;
interface PytorchRun {
  readonly shapes: Record<string, number[]>;
  readonly learningRates: readonly number[];
  readonly initial: Values;
  readonly grads: readonly Values[];
  readonly final: Record<"adamw" | "adamwLargeEps" | "sgd" | "nesterov" | "muon", Values>;
}

const fixture = new URL("fixtures/pytorch-optimizers.json", import.meta.url);
const run: PytorchRun = JSON.parse(await readFile(fixture, "utf8"));
const specs = Object.fromEntries(
  Object.entries(run.shapes).map(([path, shape]) => [
    path,
    { shape, role: shape.length === 2 ? ("matrix" as const) : ("bias" as const) },
  ]),
);

const upload = (values: Values): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(values).map(([path, list]) => [path, tensor(list, run.shapes[path], "float32")]));
const download = (tree: Record<string, Tensor>): Values =>
  Object.fromEntries(Object.entries(tree).map(([path, leaf]) => [path, [...leaf.dataSync()]]));
const dispose = (tree: Record<string, Tensor>): void => {
  for (const leaf of Object.values(tree)) leaf.dispose();
};

/** All steps of the run with our optimiser; returns the final parameters, having disposed everything. */
function train(config: OptimizerConfig, wrap: (scalars: Scalars) => Scalars = (same) => same): Values {
  const optimizer = createOptimizer(config, specs);
  let state = { params: upload(run.initial), slots: optimizer.init() };
  for (const [step, values] of run.grads.entries()) {
    const grads = upload(values);
    const scalars = wrap(optimizer.scalars(step, run.learningRates[step] ?? 0));
    state = optimizer.update({ ...state, grads, scalars });
    dispose(grads);
    for (const value of Object.values(scalars)) if (typeof value !== "number") value.dispose();
  }
  const final = download(state.params);
  dispose(state.params);
  for (const slot of Object.values(state.slots)) dispose(slot);
  return final;
}

function expectClose(actual: Values, expected: Values, tolerance: number): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [path, values] of Object.entries(expected)) {
    for (const [index, value] of values.entries()) {
      const difference = Math.abs((actual[path]?.[index] ?? Number.NaN) - value);
      expect(difference, `${path}[${index}]`).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
    }
  }
}

type Rule = (at: {
  param: number;
  grad: number;
  first: number;
  second: number;
  step: number;
  rate: number;
  decay: number;
}) => { param: number; first: number; second: number };

/** The same run in float64, number by number. Only `layer.weight` decays. */
function reference(rule: Rule, weightDecay: number, multiplier: (path: string) => number): Values {
  const final = Object.entries(run.initial).map(([path, values]): [string, number[]] => {
    const decay = path === "layer.weight" ? weightDecay : 0;
    const moved = values.map((initial, index) => {
      let state = { param: initial, first: 0, second: 0 };
      for (const [step, grads] of run.grads.entries()) {
        const rate = (run.learningRates[step] ?? 0) * multiplier(path);
        state = rule({ ...state, grad: grads[path]?.[index] ?? 0, step, rate, decay });
      }
      return state.param;
    });
    return [path, moved];
  });
  return Object.fromEntries(final);
}

const adamwRule: Rule = ({ param, grad, first, second, step, rate, decay }) => {
  const mean = 0.9 * first + 0.1 * grad;
  const square = 0.98 * second + 0.02 * grad * grad;
  const direction = mean / (1 - 0.9 ** (step + 1));
  const size = Math.sqrt(square / (1 - 0.98 ** (step + 1))) + 1e-6;
  return {
    param: param * (1 - rate * decay) - (rate * direction) / size,
    first: mean,
    second: square,
  };
};
const sgdRule: Rule = ({ param, grad, first, rate, decay }) => {
  const velocity = 0.9 * first + grad + decay * param;
  return { param: param - rate * velocity, first: velocity, second: 0 };
};
const lionRule: Rule = ({ param, grad, first, rate, decay }) => ({
  param: param * (1 - rate * decay) - rate * Math.sign(0.9 * first + 0.1 * grad),
  first: 0.99 * first + 0.01 * grad,
  second: 0,
});

test.each([
  ["adamw", { kind: "adamw" }],
  ["adamwLargeEps", { kind: "adamw", beta1: 0.8, beta2: 0.95, eps: 0.1, weightDecay: 0.05 }],
  ["sgd", { kind: "sgd", weightDecay: 0.1 }],
  ["nesterov", { kind: "sgd", weightDecay: 0.1, nesterov: true }],
  ["muon", { kind: "muon", weightDecay: 0.3 }],
] as const)("%s ends where PyTorch ends", (name, config) => {
  expectClose(train(config), run.final[name], 5e-7);
});

const slowBias = (path: string): number => (path === "layer.bias" ? 0.25 : 1);

test.each([
  ["adamw", { kind: "adamw" }, adamwRule, 0.2],
  ["sgd", { kind: "sgd", weightDecay: 0.1 }, sgdRule, 0.1],
  ["lion", { kind: "lion", weightDecay: 0.3 }, lionRule, 0.3],
] as const)("%s follows its formula in float64, multipliers included", (_, config, rule, decay) => {
  expectClose(
    train(config),
    reference(rule, decay, () => 1),
    1e-6,
  );
  const multipliers = [["layer.bias", 0.25]] as const;
  expectClose(train({ ...config, multipliers }), reference(rule, decay, slowBias), 1e-6);
});

test.each(["adamw", "sgd", "lion", "muon"] as const)("%s takes its scalars as tensors as well", (kind) => {
  const config: OptimizerConfig = { kind, weightDecay: 0.1, multipliers: [[/bias/, 0.5]] };
  const asTensors = (scalars: Scalars): Scalars =>
    Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value as number)]));
  expectClose(train(config, asTensors), train(config), 1e-6);
});

test("rules switch decay on and off by path", () => {
  const config = { kind: "adamw", weightDecay: 0.5 } as const;
  const plain = train(config);
  const moved = train({
    ...config,
    decay: [
      ["layer.weight", false],
      ["logit_scale", true],
    ],
  });
  expect(moved["layer.weight"]).not.toEqual(plain["layer.weight"]);
  expect(moved["logit_scale"]).not.toEqual(plain["logit_scale"]);
  expect(moved["layer.bias"]).toEqual(plain["layer.bias"]);
});

test("an update consumes parameters and slots, borrows gradients and leaves nothing else", () => {
  for (const kind of ["adamw", "sgd", "lion"] as const) {
    const before = memory().numTensors;
    const optimizer = createOptimizer({ kind }, specs);
    const slots = optimizer.init();
    const params = upload(run.initial);
    const grads = upload(run.grads[0] ?? {});
    expect(memory().numTensors).toBe(before + 3 * (2 + optimizer.slots.length));
    const next = optimizer.update({ params, slots, grads, scalars: optimizer.scalars(0, 0.1) });
    expect(memory().numTensors).toBe(before + 3 * (2 + optimizer.slots.length));
    for (const old of [params, ...Object.values(slots)].flatMap((tree) => Object.values(tree))) {
      expect(old.isDisposed).toBe(true);
    }
    for (const leaf of Object.values(grads)) expect(leaf.isDisposed).toBe(false);
    for (const tree of [grads, next.params, ...Object.values(next.slots)]) dispose(tree);
    expect(memory().numTensors).toBe(before);
  }
});

test("a tree that does not fit is refused before anything is consumed", () => {
  const optimizer = createOptimizer({ kind: "adamw" }, specs);
  const params = upload(run.initial);
  const slots = optimizer.init();
  const scalars = optimizer.scalars(0, 0.1);
  const grads = upload(run.grads[0] ?? {});
  const fewer = Object.fromEntries(Object.entries(grads).slice(0, 2));
  const update = (change: object) => () => optimizer.update({ params, slots, grads, scalars, ...change });
  expect(update({ grads: fewer })).toThrow('The grads have no leaf "logit_scale"');
  expect(update({ slots: { first: slots["first"] } })).toThrow('The slots "second" have no leaf');
  expect(update({ params: { ...params, other: grads["logit_scale"] } })).toThrow('not made for a leaf "other"');
  expect(update({ scalars: {} })).toThrow('needs the scalar "learningRate"');
  expect(Object.values(params).some((leaf) => leaf.isDisposed)).toBe(false);
  for (const tree of [params, grads, ...Object.values(slots)]) dispose(tree);
});

test.each([
  [{ kind: "adamw", beta1: 1 }, "beta1: expected at least 0 and below 1, got 1"],
  [{ kind: "adamw", eps: -1 }, "eps: expected a finite number of at least 0, got -1"],
  [{ kind: "sgd", momentum: 1.5 }, "momentum: expected at least 0 and below 1, got 1.5"],
  [{ kind: "lion", weightDecay: Number.NaN }, "weightDecay: expected a finite number"],
  [{ kind: "sgd", decay: [[/wieght/, true]] }, "The pattern /wieght/ matches none of the 3 parameters"],
] as const)("refused: %o", (config, message) => {
  expect(() => createOptimizer(config, specs)).toThrow(message);
});

test("one leaf moves alone as it does in its tree", async () => {
  const params = { "a.weight": tensor([[1, 2, 3]]), "a.bias": tensor([4, 5]) };
  const grads = { "a.weight": tensor([[0.1, -0.2, 0.3]]), "a.bias": tensor([-1, 1]) };
  const optimizer = createOptimizer({ kind: "adamw", multipliers: [["a.bias", 0.5]] }, params);
  expect(optimizer.leaves).toEqual({
    "a.weight": { weightDecay: 0.2, multiplier: 1 },
    "a.bias": { weightDecay: 0, multiplier: 0.5 },
  });
  const scalars = optimizer.scalars(0, 0.1);
  const alone = Object.entries(params).map(([path, param]) => {
    const [first, second] = [zerosLike(param), zerosLike(param)];
    const grad = grads[path as keyof typeof grads];
    const leaf = { param, grad, slots: [first, second], scalars, ...optimizer.leaves[path]! };
    return optimizer.updateLeaf(leaf)[0]!;
  });
  const slots = optimizer.init();
  const { params: together } = optimizer.update({ params, grads, slots, scalars });
  for (const [index, leaf] of Object.values(together).entries()) {
    expect(await alone[index]!.data()).toEqual(await leaf.data());
  }
});
