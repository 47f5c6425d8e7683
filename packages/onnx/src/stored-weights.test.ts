// Weights of fewer bits, in both of ONNX Runtime's builds.
import { fromBinary } from "@bufbuild/protobuf";
import { bindInputs, traceSymbolic, type Graph, type HostArray } from "@clip-ts/jit";
import { largestDifference } from "@clip-ts/test-utils";
import { add, gather, matMul, mean, type Tensor } from "@tensorflow/tfjs-core";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import { compileOnnx, type OnnxRuntime } from "./compile-onnx.ts";
import { ModelProtoSchema, TensorProto_DataType } from "./generated/onnx_pb.ts";
import { writeNarrowOnnx } from "./stored-weights.ts";

const numbers = (shape: readonly number[], scale: number): HostArray => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => Math.sin(index * scale) / 8),
});
const weights = { table: numbers([300, 64], 0.3), w: numbers([128, 64], 0.7), b: numbers([128], 0.9) };

/** Rows of a table, the mean of each row's, and one linear layer on it. */
const graph: Graph = bindInputs(
  traceSymbolic(
    ({ ids, table, w, b }) => ({
      y: add(matMul(mean(gather(table as Tensor, ids as Tensor), 1), w as Tensor, false, true), b as Tensor),
    }),
    {
      ids: { shape: ["rows", "tokens"], dtype: "int32" },
      ...Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, { shape }])),
    },
  ),
  weights,
);
const ids = { data: Int32Array.from({ length: 12 }, (_, at) => (at * 61) % 300), shape: [3, 4] };

const runtimes = [
  ["native", native as unknown as OnnxRuntime, ["cpu"]],
  ["web", web as unknown as OnnxRuntime, ["wasm"]],
] as const;

describe.each(runtimes)("on the %s runtime", (_, runtime, providers) => {
  const run = async (options: object): Promise<Float32Array> => {
    const compiled = await compileOnnx(graph, { runtime, providers, threads: 1, ...options });
    const { y } = await compiled.run({ ids });
    await compiled.dispose();
    return y?.data as Float32Array;
  };

  test("8 bits and half precision are near 32 bits, each as near as it can be", async () => {
    const whole = await run({});
    const size = Math.max(...whole.map(Math.abs));
    const half = largestDifference(await run({ dtype: "f16" }), whole) / size;
    const bytes = largestDifference(await run({ dtype: "q8" }), whole) / size;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(1e-3);
    expect(bytes).toBeGreaterThan(half);
    expect(bytes).toBeLessThan(0.02);
  });

  test("signed bytes are the same numbers as unsigned ones", async () => {
    const unsigned = await run({ dtype: "q8" });
    expect(await run({ dtype: "q8", arithmetic: { hasByteProducts: true } })).toEqual(unsigned);
  });
});

test("what weights take: half, and a quarter with a scale for each row", () => {
  const size = (dtype: "f32" | "f16" | "q8"): number => writeNarrowOnnx(graph, dtype).length;
  expect(size("f16") / size("f32")).toBeLessThan(0.53);
  expect(size("q8") / size("f32")).toBeLessThan(0.33);
});

test("weights are signed only where the processor multiplies unsigned by signed bytes", () => {
  const types = (hasByteProducts: boolean): (number | undefined)[] => {
    const { graph: found } = fromBinary(ModelProtoSchema, writeNarrowOnnx(graph, "q8", { hasByteProducts }));
    return ["w levels", "middle level"].map((name) => found?.initializer.find((one) => one.name === name)?.dataType);
  };
  const { INT8, UINT8 } = TensorProto_DataType;
  expect(types(false)).toEqual([UINT8, UINT8]);
  expect(types(true)).toEqual([INT8, INT8]);
});
