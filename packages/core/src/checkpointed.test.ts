import { largestDifference, randomTensor, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import {
  add,
  dispose,
  engine,
  matMul,
  mean,
  memory,
  mul,
  scalar,
  square,
  sum,
  tanh,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { checkpointed } from "./checkpointed.ts";
import { valueAndGradient, type ValueAndAux } from "./gradient.ts";

afterAll(() => useEngine("cpu"));

interface Layer {
  readonly weight: Tensor;
  readonly unused: Tensor;
}
interface Model {
  readonly x: Tensor;
  readonly layers: readonly Layer[];
}

const layer = (name: string): Layer => ({
  weight: randomTensor([4, 4], name),
  unused: randomTensor([2], name),
});
const model: Model = { x: randomTensor([3, 4], "x"), layers: [layer("first"), layer("second")] };

function runLayer(params: Layer, x: Tensor, { shift }: { shift: Tensor }): ValueAndAux<{ mean: Tensor }> {
  const hidden = tanh(matMul(x, params.weight));
  return { value: add(mul(hidden, hidden), shift), aux: { mean: mean(hidden) } };
}

/** The squares of two layers' values; `shift` is made inside, as masks are. */
function objective({ x, layers }: Model, isCheckpointed: boolean) {
  const shift = mul(scalar(0.5), 0.5);
  const aux: Record<string, Tensor> = {};
  let hidden = x;
  for (const [index, params] of layers.entries()) {
    const run = isCheckpointed
      ? checkpointed({ params, x: hidden, fixed: { shift }, run: runLayer })
      : runLayer(params, hidden, { shift });
    hidden = run.value;
    aux[index] = run.aux.mean;
  }
  // Without a checkpoint nothing reaches the unused leaves; with one their gradient is 0.
  const reached = mul(sum(layers.map(({ unused }) => sum(unused)).reduce(add)), 0);
  return { loss: add(sum(square(hidden)), reached), aux };
}

test.each(["cpu", "wasm"] as const)("values, auxiliary outputs and gradients stay (%s)", async (name) => {
  await useEngine(name);
  const [plain, again] = [false, true].map((isCheckpointed) =>
    valueAndGradient((tree: Model) => objective(tree, isCheckpointed), model),
  ) as [ReturnType<typeof valueAndGradient<Model, object>>, never];
  const tensors = ({ value, gradient, aux }: typeof plain): Tensor[] => [
    value,
    gradient.x,
    ...gradient.layers.flatMap(({ weight, unused }) => [weight, unused]),
    ...Object.values(aux as Record<string, Tensor>),
  ];
  for (const [index, expected] of tensors(plain).entries()) {
    const actual = tensors(again)[index] as Tensor;
    expect(largestDifference(await actual.data(), await expected.data())).toBeLessThan(1e-6);
  }
  dispose([...tensors(plain), ...tensors(again)]);
});

test("nothing is left behind, with a gradient or without", async () => {
  await useEngine("cpu");
  const left = await tensorsLeftBy(() =>
    valueAndGradient((tree: Model) => ({ loss: objective(tree, true).loss }), model),
  );
  expect(left).toBe(6); // the loss and five gradients
  expect(await tensorsLeftBy(() => tidy(() => objective(model, true).loss))).toBe(1);
  expect(engine().state.activeTape).toBeNull();
});

test("only what goes in is kept for the backward pass", async () => {
  await useEngine("cpu");
  const weights = [0, 1, 2, 3, 4, 5].map((index) => randomTensor([4, 4], `${index}`));
  const x = randomTensor([4, 4], "x");
  const part = (weight: Tensor, hidden: Tensor): Tensor =>
    [0, 1, 2].reduce((value) => tanh(matMul(value, weight)), hidden);
  const parts = {
    plain: (hidden: Tensor, weight: Tensor) => part(weight, hidden),
    checkpointed: (hidden: Tensor, weight: Tensor) =>
      checkpointed({
        params: { weight },
        x: hidden,
        run: (kept, value) => ({ value: part(kept.weight, value), aux: {} }),
      }).value,
  };
  const buffersAtLoss = (run: (hidden: Tensor, weight: Tensor) => Tensor): number => {
    let buffers = 0;
    const { value, gradient } = valueAndGradient(
      (tree: { weights: Tensor[] }) => {
        const before = memory().numDataBuffers;
        const hidden = tree.weights.reduce(run, x);
        buffers = memory().numDataBuffers - before;
        return { loss: sum(hidden) };
      },
      { weights },
    );
    dispose([value, ...gradient.weights]);
    return buffers;
  };
  expect(buffersAtLoss(parts.checkpointed)).toBe(6); // what each part gave the next
  expect(buffersAtLoss(parts.plain)).toBe(36);
  dispose([x, ...weights]);
});
