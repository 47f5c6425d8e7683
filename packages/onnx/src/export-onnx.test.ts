import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { layerNorm } from "@clip-ts/core";
import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { bindInputs, type HostArrays, type NamedTensors, optimize, traceSymbolic } from "@clip-ts/jit";
import { exportOnnx, type ExportOptions, type OnnxExport } from "./export-onnx.ts";
import { ModelProtoSchema, type NodeProto } from "./generated/onnx_pb.ts";
import { halfBits } from "./half.ts";
import { quantizeRows } from "./quantize.ts";

const params: NamedTensors = {
  table: randomTensor([70_000, 16], "table", 0.02),
  gain: tf.add(randomTensor([16], "gain", 0.1), 1),
  shift: randomTensor([16], "shift", 0.1),
  first: randomTensor([32, 16], "first", 0.25),
  bias: randomTensor([32], "bias", 0.1),
  second: randomTensor([16, 32], "second", 0.2),
};

/** Everything that an export treats specially: ids, a norm, matmuls with weights, a mask, unit rows. */
const network = (given: NamedTensors): NamedTensors => {
  const { ids, table, gain, shift, first, bias, second } = given as Record<string, tf.Tensor>;
  const tokens = ids!.shape[1]!;
  const picked = tf.reshape(tf.gather(table!, tf.reshape(ids!, [-1])), [-1, tokens, 16]);
  const hidden = layerNorm({ weight: gain!, bias: shift! }, picked);
  const rows = tf.reshape(hidden, [-1, 16]);
  const inner = tf.relu(tf.add(tf.matMul(rows, first!, false, true), bias!));
  const mixed = tf.reshape(tf.matMul(inner, second!, false, true), [-1, tokens, 16]);
  const places = tf.range(0, tokens);
  const isSeen = tf.lessEqual(tf.expandDims(places, 0), tf.expandDims(places, 1));
  const mask = tf.mul(tf.sub(tf.cast(isSeen, "float32"), 1), 1e9);
  const weights = tf.softmax(tf.add(tf.matMul(mixed, mixed, false, true), mask));
  const isEnd = tf.cast(tf.equal(ids!, 69_999), "float32");
  const pooled = tf.sum(tf.mul(tf.matMul(weights, mixed), tf.expandDims(isEnd, 2)), 1);
  const length = tf.sqrt(tf.maximum(tf.sum(tf.square(pooled), -1, true), 1e-24));
  return { pooled, unit: tf.div(pooled, length) };
};

const shapes = Object.fromEntries(Object.entries(params).map(([name, { shape }]) => [name, { shape }]));
const ids = { shape: ["batch", "tokens"], dtype: "int32" } as const;
const graph = optimize(
  bindInputs(
    traceSymbolic(network, { ...shapes, ids }),
    Object.fromEntries(
      Object.entries(params).map(([name, tensor]) => [
        name,
        { data: tensor.dataSync() as Float32Array, shape: tensor.shape },
      ]),
    ) as HostArrays,
  ),
);

const exported = (options: Partial<ExportOptions> = {}): OnnxExport =>
  exportOnnx(graph, { file: "net.onnx", wideInputs: ["ids"], ...options });

const nodesOf = ({ model }: OnnxExport): NodeProto[] => fromBinary(ModelProtoSchema, model).graph?.node ?? [];

/** Neighbouring ids, one of which is the end token: half precision must not take them for each other. */
const batches = [
  [[3, 69_998, 69_999]],
  [
    [69_998, 5, 9, 69_999],
    [7, 69_999, 1, 1],
    [2, 2, 69_997, 69_999],
  ],
];

async function run(source: Uint8Array | string, rows: number[][]) {
  const session = await InferenceSession.create(source as string);
  const values = BigInt64Array.from(rows.flat(), BigInt);
  const results = await session.run({
    ids: new Tensor("int64", values, [rows.length, rows[0]!.length]),
  });
  await session.release();
  return results;
}

async function differences(source: Uint8Array | string): Promise<number[]> {
  const found: number[] = [];
  for (const rows of batches) {
    const results = await run(source, rows);
    const expected = network({ ...params, ids: tf.tensor2d(rows, undefined, "int32") });
    for (const [name, tensor] of Object.entries(expected)) {
      expect(results[name]!.dims, name).toEqual(tensor.shape);
      expect(results[name]!.type, name).toBe("float32");
      found.push(largestDifference(results[name]!.data as Float32Array, tensor.dataSync()));
    }
  }
  return found;
}

test("32 bits give what tfjs gives, at every size, with ONNX's own layer norm", async () => {
  const types = nodesOf(exported()).map(({ opType }) => opType);
  expect(types).toContain("LayerNormalization");
  expect(types).not.toContain("ReduceMean");
  expect(
    nodesOf(exported())
      .filter(({ opType }) => opType === "Gemm")
      .map(({ input }) => input.length),
  ).toEqual([3, 2]);
  expect(Math.max(...(await differences(exported().model)))).toBeLessThan(1e-5);
});

test("half precision gives nearly that, from half the bytes", async () => {
  const half = exported({ precision: "f16" });
  expect(half.model.length / exported().model.length).toBeLessThan(0.51);
  expect(Math.max(...(await differences(half.model)))).toBeLessThan(3e-3);
});

test("8 bits give nearly that, from a quarter of the bytes", async () => {
  const small = exported({ precision: "q8" });
  const types = nodesOf(small).map(({ opType }) => opType);
  expect(types.filter((type) => type === "MatMulInteger")).toHaveLength(2);
  expect(types).not.toContain("Gemm");
  // Tables of 16 columns: a scale for every row is a quarter of its numbers.
  expect(small.model.length / exported().model.length).toBeLessThan(0.32);
  expect(Math.max(...(await differences(small.model)))).toBeLessThan(0.05);
});

test.each(["f32", "f16", "q8"] as const)("weights of %s may lie beside the model", async (precision) => {
  const { model, files } = exported({ precision, largestFile: 2 ** 20 });
  expect(model.length).toBeLessThan(20_000);
  expect(files[0]?.name).toBe("net.onnx_data");
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-external-"));
  await writeFile(join(folder, "net.onnx"), model);
  for (const { name, chunks, byteLength } of files) {
    const bytes = Buffer.concat(chunks);
    expect(bytes.length).toBe(byteLength);
    await writeFile(join(folder, name), bytes);
  }
  const whole = await run(exported({ precision }).model, batches[1]!);
  const split = await run(join(folder, "net.onnx"), batches[1]!);
  expect(split["pooled"]!.data).toEqual(whole["pooled"]!.data);
  await rm(folder, { recursive: true });
});

test("files of weights are counted as @huggingface/transformers does, and none is too large", () => {
  const two = exportOnnx(
    bindInputs(
      traceSymbolic(({ x, a, b }) => ({ y: tf.matMul(tf.matMul(x!, a!), b!) }), {
        x: { shape: ["batch", 40] },
        a: { shape: [40, 40] },
        b: { shape: [40, 40] },
      }),
      Object.fromEntries(["a", "b"].map((name) => [name, { data: new Float32Array(1600).fill(2), shape: [40, 40] }])),
    ),
    { file: "m.onnx", largestFile: 8000 },
  );
  expect(two.files.map(({ name, byteLength }) => [name, byteLength])).toEqual([
    ["m.onnx_data", 6400],
    ["m.onnx_data_1", 6400],
  ]);
});

test("halves are the nearest ones, for every half and between", () => {
  const widen = (bits: number): number => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const isSubnormal = exponent === 0;
    return sign * (isSubnormal ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  };
  for (let bits = 0; bits < 0x7c00; bits++) expect(halfBits(widen(bits))).toBe(bits);
  fc.assert(
    fc.property(fc.float({ min: -65_504, max: 65_504, noNaN: true }), (value) => {
      const bits = halfBits(value);
      const distance = Math.abs(widen(bits) - value);
      const neighbours = [bits - 1, bits + 1].filter((other) => (other & 0x7fff) < 0x7c00 && other >= 0);
      return neighbours.every((other) => Math.abs(widen(other) - value) >= distance);
    }),
  );
  expect([1e9, -1e9].map(halfBits)).toEqual([0x7bff, 0xfbff]);
  expect(halfBits(Number.NaN) & 0x7fff).toBe(0x7e00);
});

test("levels are within half a step, and zeros stay zeros", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), { minLength: 6, maxLength: 6 }), (row) => {
      const values = Float32Array.from([...row, 0, 0, 0, 0, 0, 0]);
      const { levels, scales } = quantizeRows(values, 6);
      return values.every((value, at) => {
        const scale = scales[Math.floor(at / 6)]!;
        return Math.abs(levels[at]! * scale - value) <= scale * 0.5001;
      });
    }),
    { examples: [[[2e-43, 1e-45, 0, 0, 0, 0]]] },
  );
});
