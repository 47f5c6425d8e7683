import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { interpret, optimize, trace, type CompiledFunction, type Graph, type Node } from "@clip-ts/jit";
import { largestDifference, randomTensor, useEngine } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operationCases } from "../../../jit/src/trace/operation-cases.test.ts";
import { findOnnxLibrary, openNativeOnnx } from "./compile.ts";

beforeAll(() => useEngine("cpu"));
afterAll(() => useEngine("cpu"));

const native = openNativeOnnx(2);
const compile = (graph: Graph, isShort = false): Promise<CompiledFunction> => {
  if ("refusal" in native) throw new Error(native.refusal);
  return native.target(optimize(graph), { isShort });
};

const floats = (values: readonly number[], shape: readonly number[] = [values.length]) => ({
  data: Float32Array.from(values),
  shape,
});
const matmul = (): Graph =>
  trace(({ a, b }) => ({ c: tf.matMul(a!, b!), total: tf.sum(a!) }), {
    a: { shape: [2, 3] },
    b: { shape: [3, 2] },
  });
const a = floats([1, 2, 3, 4, 5, 6], [2, 3]);
const b = floats([7, 8, 9, 10, 11, 12], [3, 2]);

test("the library is inside onnxruntime-node", () => {
  expect(findOnnxLibrary()).toMatch(/onnxruntime/u);
  expect(native).toHaveProperty("target");
});

test("where the library was opened by its binding before, sessions have threads of their own", async () => {
  const code = `
    import { InferenceSession } from "onnxruntime-node";
    import { writeOnnx } from "@clip-ts/onnx";
    import { trace } from "@clip-ts/jit";
    import { startEngine } from "@clip-ts/engines";
    import { square } from "@tensorflow/tfjs-core";
    const graph = trace(({ x }) => ({ y: square(x) }), { x: { shape: [3] } });
    await InferenceSession.create(writeOnnx(graph));
    const { compiler } = await startEngine("onnx");
    const compiled = await compiler.target(graph);
    const { y } = await compiled.run({ x: { data: Float32Array.of(1, 2, 3), shape: [3] } });
    console.log([...y.data].join());`;
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { cwd });
  expect(stdout).toBe("1,4,9\n");
});

test("results are new arrays, or lie where the caller wants them", async () => {
  const compiled = await compile(matmul());
  const { c, total } = await compiled.run({ a, b });
  expect([c?.shape, Array.from(c?.data ?? [])]).toEqual([
    [2, 2],
    [58, 64, 139, 154],
  ]);
  expect([total?.shape, Array.from(total?.data ?? [])]).toEqual([[], [21]]);
  const memory = new Float32Array(10);
  const into = { c: { data: memory.subarray(3, 7), shape: [2, 2] } };
  expect((await compiled.run({ a, b }, into))["c"]).toBe(into.c);
  expect(Array.from(memory)).toEqual([0, 0, 0, 58, 64, 139, 154, 0, 0, 0]);
  await compiled.dispose();
});

test("every element type goes in and out", async () => {
  const graph = trace(({ x, n, yes }) => ({ y: tf.neg(x!), m: tf.add(n!, n!), no: tf.logicalNot(yes!) }), {
    x: { shape: [2] },
    n: { shape: [2], dtype: "int32" },
    yes: { shape: [2], dtype: "bool" },
  });
  const compiled = await compile(graph);
  const results = await compiled.run({
    x: floats([1, -2]),
    n: { data: Int32Array.of(2 ** 29 + 1, -2), shape: [2] },
    yes: { data: Uint8Array.of(1, 0), shape: [2] },
  });
  expect(results).toEqual({
    y: floats([-1, 2]),
    m: { data: Int32Array.of(2 ** 30 + 2, -4), shape: [2] },
    no: { data: Uint8Array.of(0, 1), shape: [2] },
  });
  await compiled.dispose();
});

test("an array can be updated in place, again and again", async () => {
  const graph = trace(({ x }) => ({ next: tf.add(tf.mul(x!, 2), 1) }), { x: { shape: [1000] } });
  const compiled = await compile(graph, true);
  const x = { data: new Float32Array(1000), shape: [1000] };
  for (let round = 0; round < 5; round++) await compiled.run({ x }, { next: x });
  expect(new Set(x.data)).toEqual(new Set([31]));
  await compiled.dispose();
});

test("runs overlap, and JavaScript goes on meanwhile", async () => {
  const graph = trace(({ x }) => ({ y: tf.sum(tf.square(x!)) }), { x: { shape: [1 << 16] } });
  const compiled = await compile(graph, true);
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 0);
  const runs = Array.from({ length: 200 }, async (_, seed) => {
    const x = { data: new Float32Array(1 << 16).fill(seed), shape: [1 << 16] };
    const { y } = await compiled.run({ x });
    return Math.abs((y?.data[0] ?? 0) / (1 << 16) / (seed ** 2 || 1) - (seed === 0 ? 0 : 1));
  });
  expect(Math.max(...(await Promise.all(runs)))).toBeLessThan(1e-3);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
  await compiled.dispose();
});

test("arrays that are garbage before a run ends are kept until then", async () => {
  const size = 384;
  const graph = trace(({ x, w }) => ({ y: tf.matMul(x!, w!) }), {
    x: { shape: [size, size] },
    w: { shape: [size, size] },
  });
  const compiled = await compile(graph);
  const w = randomTensor([size, size], "w");
  const expected = tf.matMul(tf.ones([size, size]), w).dataSync();
  const shape = [size, size];
  const runs = Array.from({ length: 30 }, () => {
    const given = { data: new Float32Array(size * size).fill(1), shape };
    return compiled.run({ x: given, w: { data: w.dataSync().slice() as Float32Array, shape } });
  });
  const churn: Float32Array[] = [];
  for (let round = 0; round < 200; round++) churn[round % 3] = new Float32Array(size * size).fill(9);
  for (const { y } of await Promise.all(runs)) {
    expect(largestDifference(y?.data as Float32Array, expected)).toBeLessThan(1e-3);
  }
  await compiled.dispose();
});

test("graphs run one after another in the same memory", async () => {
  const compileFor = (side: number): Promise<CompiledFunction> =>
    compile(
      trace(({ x, y }) => ({ z: tf.sum(tf.exp(tf.mul(x!, y!))) }), {
        x: { shape: [4096, 1] },
        y: { shape: [1, side] },
      }),
    );
  const grown: number[] = [];
  const kept: CompiledFunction[] = [];
  for (let run = 0; run < 6; run++) {
    const side = 4096 - 64 * run; // 64 MiB and a little less
    const graph = await compileFor(side);
    const [x, y] = [floats(Array(4096).fill(0), [4096, 1]), floats(Array(side).fill(1), [1, side])];
    const { z } = await graph.run({ x, y });
    expect(z?.data[0]).toBe(4096 * side);
    kept.push(graph);
    grown.push(process.memoryUsage().rss / 2 ** 20);
  }
  expect(grown[5]! - grown[0]!).toBeLessThan(100);
  await Promise.all(kept.map((graph) => graph.dispose()));
});

test.each([
  ["a missing input", { a }, undefined, 'needs "b" [3, 2]'],
  ["another shape", { a, b: a }, undefined, '"b" was compiled for [3, 2]; got [2, 3]'],
  ["an unknown input", { a, b, z: a }, undefined, 'no value named "z"'],
  ["an unknown result", { a, b }, { z: a }, 'no value named "z"'],
  ["too few elements", { a, b: { ...b, data: new Float32Array(5) } }, undefined, "hold 6 elements"],
  ["another type", { a, b: { ...b, data: new Int32Array(6) } }, undefined, "of float32; got 6 of int32"],
] as const)("%s is an error, no crash", async (_, given, into, message) => {
  const compiled = await compile(matmul());
  await expect(compiled.run(given, into)).rejects.toThrow(message);
  await compiled.dispose();
});

test("memory that went to another thread is an error, no crash", async () => {
  const compiled = await compile(matmul());
  const lost = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
  structuredClone(lost.data, { transfer: [lost.data.buffer] });
  await expect(compiled.run({ a: lost, b })).rejects.toMatchObject({ code: "bad-shape" });
  await compiled.dispose();
});

test("what ONNX Runtime refuses is told in its own words", async () => {
  const [x, y] = [0, 1].map((id) => ({ id, shape: [2, 3], dtype: "float32" as const }));
  const node: Node = { op: "BatchMatMul", inputs: [x!, x!], attributes: {}, outputs: [y!] };
  const graph: Graph = {
    inputs: [{ name: "x", value: x! }],
    constants: [],
    nodes: [node],
    outputs: [{ name: "y", value: y! }],
  };
  if ("refusal" in native) throw new Error(native.refusal);
  await expect(native.target(graph)).rejects.toThrow(/^ONNX Runtime refused: .*Dimension mismatch/su);
});

test("a disposed graph does not run; disposing waits for what runs", async () => {
  const compiled = await compile(matmul());
  const run = compiled.run({ a, b });
  await compiled.dispose();
  expect(Array.from((await run)["c"]?.data ?? [])).toEqual([58, 64, 139, 154]);
  await expect(compiled.run({ a, b })).rejects.toMatchObject({ code: "disposed" });
  await compiled.dispose();
});

const numbered = <Value>(values: readonly Value[], prefix: string): Record<string, Value> =>
  Object.fromEntries(values.map((value, index) => [`${prefix}${index}`, value]));

test.each(operationCases)("$name gives what tfjs gives", async ({ inputs, run }) => {
  const given = numbered(inputs, "x");
  const specs = Object.entries(given).map(([name, { shape, dtype }]) => [name, { shape, dtype }]);
  const traced = (tensors: Readonly<Record<string, tf.Tensor>>) =>
    numbered([run(...Object.values(tensors))].flat(), "y");
  const graph = trace(traced, Object.fromEntries(specs) as never);
  if ("refusal" in native) throw new Error(native.refusal);
  const compiled = await native.target(graph);
  const arrays = Object.entries(given).map(([name, tensor]) => {
    const data = tensor.dataSync() as Float32Array;
    return [name, { data, shape: tensor.shape }] as const;
  });
  const actual = await compiled.run(Object.fromEntries(arrays));
  for (const [name, tensor] of Object.entries(interpret(graph, given))) {
    expect(actual[name]?.shape).toEqual(tensor.shape);
    const difference = largestDifference(actual[name]?.data as Float32Array, tensor.dataSync());
    expect(difference).toBeLessThan(1e-5);
  }
  await compiled.dispose();
});
