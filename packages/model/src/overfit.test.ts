import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { randomTensor, useEngine } from "@clip-ts/test-utils";
import { add, dispose, div, mul, sqrt, square, sub, tensor, tidy, zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { forward } from "./forward.ts";
import { preset } from "./presets.ts";
import { initClip, type ClipParams } from "./spec.ts";

type Flat = Record<string, Tensor>;

/** One step of Adam (Kingma & Ba 2015) on every leaf; the old tensors are freed. */
function adam(state: { params: Flat; first: Flat; second: Flat }, gradient: Flat, step: number): void {
  for (const [path, slope] of Object.entries(gradient)) {
    const [weight, first, second] = [state.params[path]!, state.first[path]!, state.second[path]!];
    const moved = tidy(() => {
      const mean = add(mul(first, 0.9), mul(slope, 0.1));
      const spread = add(mul(second, 0.99), mul(square(slope), 0.01));
      const unbiased = div(mean, 1 - 0.9 ** step);
      const size = add(sqrt(div(spread, 1 - 0.99 ** step)), 1e-8);
      return [sub(weight, mul(div(unbiased, size), 0.01)), mean, spread] as Tensor[];
    });
    [state.params[path], state.first[path], state.second[path]] = moved as [Tensor, Tensor, Tensor];
    dispose([weight, first, second, slope]);
  }
}

afterAll(() => useEngine("cpu"));

test.each(["cpu", "wasm"] as const)("8 pairs are learnt by heart in 40 steps (%s)", async (engine) => {
  await useEngine(engine);
  const config = preset("nano");
  const template = initClip(config, 1);
  const params = flattenTree<Tensor>(template);
  const moments = (): Flat => Object.fromEntries(Object.entries(params).map(([path, leaf]) => [path, zerosLike(leaf)]));
  const state = { params, first: moments(), second: moments() };
  const batch = {
    pixelValues: randomTensor([8, 3, 8, 8], "pixels"),
    inputIds: tensor(
      Array.from({ length: 8 }, (_, pair) => [598, 10 + pair, 20 + (pair % 3), 599]).flat(),
      [8, 4],
      "int32",
    ),
  };
  const losses: number[] = [];
  for (let step = 1; step <= 40; step++) {
    const { value, gradient } = valueAndGradient(
      (tree: ClipParams) => ({ loss: forward(tree, batch, config).loss }),
      unflattenLike(template, state.params) as ClipParams,
    );
    losses.push((await value.data())[0] as number);
    value.dispose();
    adam(state, flattenTree<Tensor>(gradient), step);
  }
  expect(losses[0]).toBeGreaterThan(1.5);
  const output = forward(unflattenLike(template, state.params) as ClipParams, batch, config);
  expect((await output.loss.data())[0]).toBeLessThan(0.1);
  expect((await output.accuracy.data())[0]).toBe(1);
});
