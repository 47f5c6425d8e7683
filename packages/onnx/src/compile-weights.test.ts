import { largestDifference } from "@clip-ts/test-utils";
import { add, matMul, type Tensor } from "@tensorflow/tfjs-core";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { expect, test } from "vitest";
import { bindInputs, trace, type Graph, type HostArray } from "@clip-ts/jit";
import { compileOnnx, type OnnxRuntime } from "./compile-onnx.ts";

const numbers = (shape: readonly number[], scale: number): HostArray => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => Math.sin(index * scale)),
});
const x = numbers([3, 40], 0.7);
const weights = { w: numbers([40, 50], 0.3), b: numbers([50], 0.9) };

/** x · w + b, with the weights as constants; w is large enough to lie outside the model, b is not. */
function matmulGraph(): Graph {
  const traced = trace(({ x, w, b }) => ({ y: add(matMul(x as Tensor, w as Tensor), b as Tensor) }), { x, ...weights });
  return bindInputs(traced, weights);
}

const expected = Float32Array.from({ length: 150 }, (_, index) => {
  const [row, column] = [Math.floor(index / 50), index % 50];
  let sum = weights.b.data[column] as number;
  for (let k = 0; k < 40; k++) {
    sum += (x.data[row * 40 + k] as number) * (weights.w.data[k * 50 + column] as number);
  }
  return sum;
});

const runtimes = [
  ["native", native as unknown as OnnxRuntime, ["cpu"]],
  ["the browser's", web as unknown as OnnxRuntime, ["wasm"]],
] as const;

test.each(runtimes)("%s ONNX Runtime keeps weights of its own", async (_, runtime, providers) => {
  for (const fuses of [false, true]) {
    const compiled = await compileOnnx(matmulGraph(), { runtime, providers, threads: 1, fuses });
    const kept = weights.w.data.slice();
    weights.w.data.fill(0); // the caller's memory is the caller's again
    const { y } = await compiled.run({ x });
    weights.w.data.set(kept);
    expect(largestDifference(y!.data, expected)).toBeLessThan(1e-5);
    await compiled.dispose();
  }
});
