import { goldenJson, relativeError, useEngine } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";

interface Reference {
  readonly shape: number[];
  readonly values: number[];
}
type Case = Readonly<Record<"inputs" | "dy" | "gradients", Reference[]>>;
type Run = (...inputs: tf.Tensor[]) => tf.Tensor;

const cases = goldenJson("gradients.json") as Readonly<Record<string, Case>>;
const load = ({ values, shape }: Reference): tf.Tensor => tf.tensor(values, shape);
const picture = (x: tf.Tensor): tf.Tensor4D => x as tf.Tensor4D;

const runs: Readonly<Record<string, Run>> = {
  "pow with exponents of 0": (a, b) => tf.pow(a!, b!),
  "abs at 0": (x) => tf.abs(x!),
  "relu at 0": (x) => tf.relu(x!),
  "clip at its bounds": (x) => tf.clipByValue(x!, -1, 1),
  "division by columns": (a, b) => tf.div(a!, b!),
  "maximum by rows": (a, b) => tf.maximum(a!, b!),
  "squared difference by rows": (a, b) => tf.squaredDifference(a!, b!),
  sqrt: (x) => tf.sqrt(x!),
  rsqrt: (x) => tf.rsqrt(x!),
  erf: (x) => tf.erf(x!),
  "softplus far out": (x) => tf.softplus(x!),
  "sigmoid far out": (x) => tf.sigmoid(x!),
  selu: (x) => tf.selu(x!),
  elu: (x) => tf.elu(x!),
  softmax: (x) => tf.softmax(x!),
  "log-softmax": (x) => tf.logSoftmax(x!),
  "log-sum-exp": (x) => tf.logSumExp(x!, -1),
  "product with zeros": (x) => tf.prod(x!, 1),
  "running sum": (x) => tf.cumsum(x!, 1),
  "picked rows": (x) => tf.gather(x!, tf.tensor([1, 3, 1, 0], [4], "int32")),
  copies: (x) => tf.tile(x!, [3, 1, 2]),
  "matmul of batches by a matrix": (a, b) => tf.matMul(a!, b!),
  "matmul with a transposed batch": (a, b) => tf.matMul(a!, b!, false, true),
  "batch norm": (x, ...[mean, variance, offset, scale]) =>
    tf.batchNorm(x!, mean as never, variance as never, offset as never, scale as never, 1e-3),
  "convolution, stride 2, padding 1": (x, filter) => tf.conv2d(picture(x!), picture(filter!), 2, 1),
  "average pool": (x) => tf.avgPool(picture(x!), 2, 2, "valid"),
  "max pool": (x) => tf.maxPool(picture(x!), 3, 2, "valid"),
};

/** What the wasm backend refuses or has no kernel for. */
const onlyOnCpu = new Set(["max pool"]);

test("every case of PyTorch's is run", () => {
  expect(Object.keys(runs).toSorted()).toEqual(Object.keys(cases).toSorted());
});

afterAll(() => useEngine("cpu"));

for (const engine of ["cpu", "wasm"] as const) {
  describe(`on ${engine}, as PyTorch's`, () => {
    const names = Object.keys(runs).filter((name) => engine === "cpu" || !onlyOnCpu.has(name));
    test.each(names)("%s", async (name) => {
      await useEngine(engine);
      const { inputs, dy, gradients } = cases[name] as Case;
      const found = tf.grads(runs[name] as Run)(inputs.map(load), load(dy[0] as Reference));
      for (const [index, { values, shape }] of gradients.entries()) {
        const gradient = found[index] as tf.Tensor;
        expect(gradient.shape).toEqual(shape);
        const error = relativeError(await gradient.data(), values, 1e-3);
        expect(error, `input ${index}`).toBeLessThan(5e-6);
      }
    });
  });
}
