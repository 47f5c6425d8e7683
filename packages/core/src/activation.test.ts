import { largestDifference, reference } from "@clip-ts/test-utils";
import { dispose, linspace, sum, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { activate, type Activation } from "./activation.ts";
import { valueAndGradient } from "./gradient.ts";

const names: readonly Activation[] = ["gelu", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu"];

test.each(names)("%s equals its formula in float64", async (name) => {
  const x = linspace(-8, 8, 321);
  const y = activate(name, x);
  const expected = Array.from(await x.data(), reference.activations[name]);
  expect(largestDifference(await y.data(), expected)).toBeLessThan(2e-6);
  x.dispose();
  y.dispose();
});

test.each(names)("the derivative of %s is that of its formula", async (name) => {
  const x = linspace(-6, 6, 240); // no point at 0, where relu has none
  const { value, gradient } = valueAndGradient((tree: { x: Tensor }) => ({ loss: sum(activate(name, tree.x)) }), { x });
  const formula = reference.activations[name];
  const step = 1e-5;
  const expected = Array.from(await x.data(), (at) => (formula(at + step) - formula(at - step)) / (2 * step));
  expect(largestDifference(await gradient.x.data(), expected)).toBeLessThan(2e-6);
  dispose([x, value, gradient.x]);
});

test("the three kinds of GELU are told apart", async () => {
  const x = linspace(1, 1, 1);
  const at = async (name: Activation): Promise<number> => (await activate(name, x).data())[0] ?? 0;
  expect(await at("gelu")).toBeCloseTo(0.841345, 5);
  expect(await at("gelu_pytorch_tanh")).toBeCloseTo(0.841192, 5);
  expect(await at("quick_gelu")).toBeCloseTo(0.845796, 5);
});
