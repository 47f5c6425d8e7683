import { largestDifference } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { expect, test } from "vitest";
import { type Graph, type HostArray, interpret, type NamedTensors, type Node, type Op, trace } from "@clip-ts/jit";
import { operationCases } from "../../jit/src/trace/operation-cases.test.ts";
import { compileOnnx } from "./compile-onnx.ts";

const numbered = (tensors: readonly tf.Tensor[], prefix: string): NamedTensors =>
  Object.fromEntries(tensors.map((tensor, index) => [`${prefix}${index}`, tensor]));

/** Runs a graph on ONNX Runtime with tensors in and out. */
async function runOnnx(graph: Graph, inputs: NamedTensors, threads = 1): Promise<Readonly<Record<string, HostArray>>> {
  const compiled = await compileOnnx(graph, { runtime, threads });
  const arrays = Object.entries(inputs).map(async ([name, tensor]) => {
    const { shape } = tensor;
    return [name, { data: (await tensor.data()) as Float32Array, shape }] as const;
  });
  const results = await compiled.run(Object.fromEntries(await Promise.all(arrays)));
  await compiled.dispose();
  return results;
}

test.each(operationCases)("$name gives what tfjs gives", async ({ name, inputs, run }) => {
  const given = numbered(inputs, "x");
  const spec = Object.fromEntries(
    Object.entries(given).map(([key, { shape, dtype }]) => [key, { shape, dtype: dtype as never }]),
  );
  const graph = trace((traced) => numbered([run(...Object.values(traced))].flat(), "y"), spec);
  expect(graph.nodes.map(({ op }) => op)).toContain(name);
  const actual = await runOnnx(graph, given);
  const expected = interpret(graph, given);
  for (const [key, tensor] of Object.entries(expected)) {
    const array = actual[key] as HostArray;
    expect(array.shape).toEqual(tensor.shape);
    expect(largestDifference(array.data as Float32Array, await tensor.data())).toBeLessThan(1e-5);
  }
});

test("rows with equal indices all count, however many threads add them", async () => {
  const [count, places, width] = [4000, 3, 64];
  const ids = tf.tensor(
    Int32Array.from({ length: count }, (_, row) => row % places),
    [count, 1],
  );
  const updates = tf.ones([count, width]);
  const graph = trace(({ i, u }) => ({ y: tf.scatterND(i!, u!, [places, width]) }), {
    i: { shape: [count, 1], dtype: "int32" },
    u: { shape: [count, width] },
  });
  const expected = [1334, 1333, 1333];
  for (let run = 0; run < 5; run++) {
    const { y } = await runOnnx(graph, { i: ids, u: updates }, 4);
    const sums = Float32Array.from({ length: places * width }, (_, at) => expected[Math.floor(at / width)]!);
    expect(y?.data).toEqual(sums);
  }
});

test("an operation without a counterpart is an error that names it", async () => {
  const value = { id: 0, shape: [2], dtype: "float32" } as const;
  const op: string = "Bincount"; // as in a graph that was not traced
  const node: Node = { op: op as Op, inputs: [value], attributes: {}, outputs: [value] };
  const graph = { inputs: [{ name: "x", value }], constants: [], nodes: [node], outputs: [] };
  await expect(compileOnnx(graph, { runtime })).rejects.toThrow(/Bincount cannot be written/u);
});

test("an input can be an output, and one value can have two names", async () => {
  const graph = trace(({ x }) => ({ same: x!, a: tf.neg(x!), ...((y) => ({ y, z: y }))(tf.abs(x!)) }), {
    x: { shape: [2] },
  });
  const results = await runOnnx(graph, { x: tf.tensor([-1, 2]) });
  const lists = Object.entries(results).map(([name, { data }]) => [name, [...data]]);
  expect(Object.fromEntries(lists)).toEqual({ same: [-1, 2], a: [1, -2], y: [1, 2], z: [1, 2] });
});

test("results are written where the caller wants them", async () => {
  const graph = trace(({ x }) => ({ y: tf.mul(x!, 2), z: tf.add(x!, 1) }), { x: { shape: [2] } });
  const compiled = await compileOnnx(graph, { runtime });
  const memory = new Float32Array(8);
  const y = { data: memory.subarray(3, 5), shape: [2] };
  const { z } = await compiled.run({ x: { data: Float32Array.of(1, 2), shape: [2] } }, { y });
  expect([...memory]).toEqual([0, 0, 0, 2, 4, 0, 0, 0]);
  expect([...(z as HostArray).data]).toEqual([2, 3]);
  await compiled.dispose();
});

test("an array of another shape is an error", async () => {
  const graph = trace(({ x }) => ({ y: tf.neg(x!) }), { x: { shape: [2] } });
  const compiled = await compileOnnx(graph, { runtime });
  const run = compiled.run({ x: { data: new Float32Array(3), shape: [3] } });
  await expect(run).rejects.toThrow(/"x" was compiled for \[2\]; got \[3\]/u);
  await compiled.dispose();
});
