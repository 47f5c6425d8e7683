import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import { formatGraph } from "../ir/format-graph.ts";
import type { Graph } from "../ir/graph.ts";
import { optimize } from "../passes/optimize.ts";
import { compileOnnx } from "../onnx/compile-onnx.ts";
import type { HostArray } from "../program/host-array.ts";
import { trace, type NamedTensors } from "./trace.ts";
import { traceSymbolic } from "./trace-symbolic.ts";

type Run = (inputs: NamedTensors) => NamedTensors;

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

/** Every way in which an open size gets into an operation. */
const functions: Readonly<Record<string, Run>> = {
  reshape: ({ x }) => ({
    flat: tf.reshape(x!, [-1, 6]),
    split: tf.reshape(x!, [...x!.shape.slice(0, 2), 2, 3]),
    merged: tf.reshape(x!, [-1]),
    swapped: tf.transpose(tf.reshape(x!, [-1, x!.shape[1]!, 3, 2]), [2, 1, 0, 3]),
  }),
  "reshape of a transpose": ({ x }) => ({
    y: tf.reshape(tf.transpose(x!, [1, 0, 2]), [x!.shape[1]!, x!.shape[0]!, 3, 2]),
  }),
  range: ({ x }) => ({
    float: tf.add(tf.range(0, x!.shape[1]!), tf.sum(x!)),
    stepped: tf.mul(tf.range(1, 2 * x!.shape[1]! + 1, 2, "int32"), 3),
    mask: tf.cast(
      tf.greater(
        tf.expandDims(tf.range(0, x!.shape[1]!), 0),
        tf.expandDims(tf.range(0, x!.shape[1]!), 1),
      ),
      "float32",
    ),
  }),
  slice: ({ x, table }) => ({
    rows: tf.slice(table!, [0, 0], [x!.shape[1]!, 4]),
    first: tf.slice(x!, [0, 0, 1], [-1, 1, 4]),
  }),
  tile: ({ x, table }) => ({
    y: tf.tile(tf.reshape(tf.slice(table!, [0, 0], [1, 4]), [1, 1, 4]), [x!.shape[0]!, 1, 2]),
  }),
  fill: ({ x }) => ({ y: tf.add(tf.fill(x!.shape.slice(0, 2), 3), 1) }),
  "sum of a fill": ({ x }) => ({ y: tf.sum(tf.fill(x!.shape.slice(0, 2), 3), 1) }),
  "one hot": ({ x }) => ({
    y: tf.cast(tf.oneHot(tf.argMax(tf.mean(x!, -1), 1), x!.shape[1]!), "float32"),
  }),
  concat: ({ x }) => ({
    y: tf.concat([tf.expandDims(tf.mean(x!, 1), 1), tf.slice(x!, [0, 0, 0], [-1, 1, -1])], 1),
  }),
  split: ({ x }) => ({ y: tf.add(...(tf.split(x!, 2, 2) as [tf.Tensor, tf.Tensor])) }),
  "sum by row": ({ x }) => ({ y: tf.sum(x!, 1), z: tf.softmax(tf.matMul(x!, x!, false, true)) }),
};

const spec = {
  x: { shape: ["batch", "tokens", 6] },
  table: { shape: [12, 4] },
} as const;

test.each(Object.entries(functions))("%s fits every size", async (_, run) => {
  const graph = traceSymbolic(run, spec, { atMost: { tokens: 12 } });
  const optimized = optimize(graph);
  for (const [batch, tokens] of [
    [1, 2],
    [2, 5],
    [3, 12],
  ] as const) {
    const inputs = { x: randomTensor([batch, tokens, 6], "x"), table: randomTensor([12, 4], "t") };
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
  const tracing = (): Graph =>
    traceSymbolic(run, { x: { shape: ["batch", 6] } }, { atMost: { batch: 3 } });
  expect(tracing).toThrow(/stand for the open size "batch"/u);
});

test("without open sizes the graph is the one that trace makes", () => {
  const run: Run = ({ x }) => ({ y: tf.neg(x!) });
  const fixed = { x: { shape: [2, 3] } };
  expect(formatGraph(traceSymbolic(run, fixed))).toBe(formatGraph(trace(run, fixed)));
});
