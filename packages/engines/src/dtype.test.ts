// Engines that keep weights with fewer bits.
import { bindInputs, traceSymbolic, type CompiledFunction } from "@clip-ts/jit";
import { largestDifference, useEngine } from "@clip-ts/test-utils";
import { matMul, mean, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadOnnx } from "./onnx.ts";
import { startEngine } from "./start.ts";

beforeAll(() => useEngine("cpu"));
afterAll(() => useEngine("cpu"));

const w = { data: Float32Array.from({ length: 64 * 48 }, (_, at) => Math.sin(at * 0.7)), shape: [48, 64] };

/** x · wᵀ and its mean over each row, for any number of rows. */
function compile(dtype: "f16" | "q8"): Promise<CompiledFunction> {
  const traced = traceSymbolic(
    ({ x, w: weight }) => {
      const y = matMul(x as Tensor, weight as Tensor, false, true);
      return { y, means: mean(y, 1) };
    },
    { x: { shape: ["rows", 64] }, w: { shape: [48, 64] } },
  );
  return loadOnnx({ threads: 1, dtype }).compiler.target(bindInputs(traced, { w }));
}

const productOf = (x: Float32Array): Float32Array =>
  Float32Array.from({ length: (x.length / 64) * 48 }, (_, at) => {
    const [row, column] = [Math.floor(at / 48), at % 48];
    return x.subarray(row * 64, (row + 1) * 64).reduce((sum, value, k) => sum + value * w.data[column * 64 + k]!, 0);
  });

test.each([
  ["f16", 5e-3],
  ["q8", 0.15],
] as const)("onnx keeps weights as %s, for every number of rows", async (dtype, limit) => {
  const compiled = await compile(dtype);
  for (const rows of [1, 5]) {
    const x = { data: Float32Array.from({ length: rows * 64 }, (_, at) => Math.cos(at * 0.3)), shape: [rows, 64] };
    const { y, means } = await compiled.run({ x });
    expect([y?.shape, means?.shape]).toEqual([[rows, 48], [rows]]);
    const off = largestDifference(y!.data, productOf(x.data));
    expect(off).toBeLessThan(limit);
    expect(off).toBeGreaterThan(1e-5);
  }
  await compiled.dispose();
});

test("the automatic choice is the engine that keeps weights so, and says it", async () => {
  const { name, dtype, detail, reason } = await startEngine("auto", { dtype: "q8" });
  expect([name, dtype]).toEqual(["onnx", "q8"]);
  expect(detail).toContain("weights of 8 bits");
  expect(reason).not.toContain("wasm");
  expect((await startEngine("onnx")).dtype).toBeUndefined();
});

test("engines that cannot are refused in words, and so is training", async () => {
  await expect(startEngine("wasm", { dtype: "q8" })).rejects.toThrow(
    'The engine "wasm" keeps no weights as q8. Use the engine onnx, or leave out the dtype.',
  );
  await expect(startEngine("wasm", { dtype: "f16" })).rejects.toThrow("Use the engine onnx-gpu or onnx");
  await expect(startEngine("auto", { dtype: "q4" as "q8" })).rejects.toThrow('There is no dtype "q4"');
  const { compiler } = await startEngine("onnx", { dtype: "q8" });
  expect(() => compiler?.load({} as never, {} as never)).toThrow(/Weights kept as q8 cannot be trained/u);
});
