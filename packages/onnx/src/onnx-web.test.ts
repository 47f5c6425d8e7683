import { valueAndGradient } from "@clip-ts/core";
import { largestDifference, trainOn, type TrainingOnEngine, type TrainingSpec } from "@clip-ts/test-utils";
import { mul, square, sub, sum, tensor, type Tensor } from "@tensorflow/tfjs-core";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { expect, test } from "vitest";
import { flatLoader, type HostArray } from "@clip-ts/jit";
import { onnxTarget } from "./compile-onnx.ts";

const values = Array.from({ length: 300 }, (_, index) => Math.sin(index));
const array = (data: readonly number[]): HostArray => ({
  data: Float32Array.from(data),
  shape: [data.length],
});

/** Gradient descent with a sum of past gradients beside the weights. */
const spec: TrainingSpec = {
  params: { w: array(values) },
  leaves: { w: {} },
  slots: ["total"],
  maxNorm: 1,
  gradient: ({ w }, { x }) => {
    const { value, gradient } = valueAndGradient(
      (tree: { w: Tensor }) => ({ loss: sum(square(sub(mul(tree.w, x as Tensor), 1))) }),
      { w: w as Tensor },
    );
    return { loss: value, grads: gradient };
  },
  update: ({ param, grad, slots: [total], scalars }) => {
    const sums = mul(tensor([1]), sub(total as Tensor, grad));
    return [sub(param, mul(grad, scalars["rate"]!)), sums];
  },
};

async function threeSteps(program: TrainingOnEngine): Promise<number[][]> {
  const losses: number[] = [];
  const x = array(values.map((value) => value + 1));
  for (let step = 0; step < 3; step++) {
    const { loss = Number.NaN } = await program.run({ x }, { rate: 0.05 });
    losses.push(loss);
  }
  const { params, slots } = await program.readState();
  await program.dispose();
  const tensors = [params["w"], slots["total"]?.["w"]];
  return [losses, ...tensors.map((each) => Array.from(each?.data ?? []))];
}

test("the browser's ONNX Runtime trains as the native one does", async () => {
  const expected = await threeSteps(await trainOn(flatLoader(onnxTarget({ runtime: native, threads: 1 })), spec));
  const runtime = web as unknown as typeof native;
  const options = { runtime, threads: 1, providers: ["wasm"] };
  const actual = await threeSteps(await trainOn(flatLoader(onnxTarget(options)), spec));
  expect(expected[0]![2]).toBeLessThan(expected[0]![0]!);
  expected.forEach((row, index) => {
    expect(largestDifference(actual[index]!, row)).toBeLessThan(1e-4);
  });
});
