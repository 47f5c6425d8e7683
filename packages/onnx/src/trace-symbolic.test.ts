import { largestDifference } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import {
  formatGraph,
  type Graph,
  type HostArray,
  type NamedTensors,
  optimize,
  trace,
  traceSymbolic,
} from "@clip-ts/jit";
import { compileOnnx } from "./compile-onnx.ts";
import { openSizes, symbolicCases, symbolicInputs, type Run } from "../../jit/src/trace/symbolic-cases.test.ts";

/** Runs a graph in ONNX Runtime and the function eagerly, and compares. */
async function expectEqual(graph: Graph, run: Run, inputs: NamedTensors): Promise<void> {
  const compiled = await compileOnnx(graph, { runtime, threads: 1 });
  const arrays = Object.entries(inputs).map(([name, x]) => {
    return [name, { data: x.dataSync() as Float32Array, shape: x.shape }] as const;
  });
  const results = await compiled.run(Object.fromEntries(arrays));
  for (const [name, expected] of Object.entries(run(inputs))) {
    const actual = results[name] as HostArray;
    expect(actual.shape, name).toEqual(expected.shape);
    const difference = largestDifference(actual.data as Float32Array, expected.dataSync());
    expect(difference, name).toBeLessThan(1e-5);
  }
  await compiled.dispose();
}

test.each(Object.entries(symbolicCases))("%s fits every size", async (_, run) => {
  const graph = traceSymbolic(run, symbolicInputs, { atMost: { tokens: 12 } });
  const optimized = optimize(graph);
  for (const inputs of openSizes()) {
    await expectEqual(graph, run, inputs);
    await expectEqual(optimized, run, inputs);
  }
});

test("open sizes are shown by name, and stand-ins divide none of the function's own sizes", () => {
  const graph = traceSymbolic(
    ({ x }) => ({ y: tf.reshape(tf.matMul(x!, tf.ones([22, 26])), [-1]) }),
    { x: { shape: ["tokens", 22] } },
    { atMost: { tokens: 13 } },
  );
  expect(formatGraph(graph)).toMatchInlineSnapshot(`
    "%0[tokens,22] = input x
    %1[22,26] = Fill value=1
    %2[tokens,26] = BatchMatMul %0 %1 transposeA=false transposeB=false
    %3[tokens*26] = Reshape %2 shape=[-1]
    output y = %3"
  `);
});

test("a size that is used in another way is an error that names the operation", () => {
  const given = { x: { shape: ["batch", 4] } };
  const tracing =
    (run: Run): (() => Graph) =>
    () =>
      traceSymbolic(run, given);
  expect(tracing(({ x }) => ({ y: tf.mul(x!, 1 / x!.shape[0]!) }))).toThrow(/Fill depends on/u);
  expect(tracing(({ x }) => ({ y: tf.slice(x!, [1, 0], [-1, -1]) }))).toThrow(/Slice has a side/u);
  const rows = ({ x }: NamedTensors): NamedTensors => ({
    y: tf.add(x!, tf.tensor2d(Array.from({ length: x!.shape[0]! }, (_, row) => [row]))),
  });
  expect(tracing(rows)).toThrow(/constant of shape \[1021, 1\] depends on an open size/u);
  const branch = tracing(({ x }) => ({ y: x!.shape[0]! > 1020 ? tf.neg(x!) : tf.abs(x!) }));
  expect(branch).toThrow(/does Neg at one size and Abs at another.*batch left open/su);
});

test("a bound without room for a stand-in is an error that says so", () => {
  const run: Run = ({ x }) => ({ y: tf.neg(x!) });
  const tracing = (): Graph => traceSymbolic(run, { x: { shape: ["batch", 6] } }, { atMost: { batch: 3 } });
  expect(tracing).toThrow(/stand for the open size "batch"/u);
});

test("without open sizes the graph is the one that trace makes", () => {
  const run: Run = ({ x }) => ({ y: tf.neg(x!) });
  const fixed = { x: { shape: [2, 3] } };
  expect(formatGraph(traceSymbolic(run, fixed))).toBe(formatGraph(trace(run, fixed)));
});
