import { mean, mul, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { valueAndGradient } from "@clip-ts/core";
import { trainOn, type TrainingSpec } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { loadOnnx } from "./onnx.ts";

test("batches of every length stay compiled", async () => {
  const compiled: string[] = [];
  const spec: TrainingSpec = {
    params: { w: { data: Float32Array.of(1), shape: [1] } },
    leaves: { w: {} },
    slots: [],
    gradient: ({ w }, { x }) => {
      const { value, gradient } = valueAndGradient(
        (tree: { w: Tensor }) => ({ loss: mean(square(sub(mul(tree.w, x as Tensor), 3))) }),
        { w: w as Tensor },
      );
      return { loss: sum(value), grads: gradient };
    },
    update: ({ param, grad }) => [sub(param, mul(grad, 0.1))],
    onCompile: (shapes) => {
      compiled.push(shapes);
      return () => {};
    },
  };
  const program = await trainOn(loadOnnx({ threads: 1 }).compiler.load, spec);
  const lengths = [8, 16, 24, 32, 40, 48, 56, 64, 72, 77];
  const losses: number[] = [];
  for (const length of [...lengths, ...lengths]) {
    const x = { data: new Float32Array(length).fill(1), shape: [length] };
    losses.push((await program.run({ x }, {}))["loss"]!);
  }
  await program.dispose();
  expect(compiled).toHaveLength(lengths.length);
  expect(losses.every((loss, step) => step === 0 || loss < losses[step - 1]!)).toBe(true);
});
