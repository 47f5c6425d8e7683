import { trace } from "@clip-ts/jit";
import { div, maximum, reshape, sub, type Tensor } from "@tensorflow/tfjs-core";
import * as native from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { expect, test } from "vitest";
import { compileOnnx } from "./compile-onnx.ts";

const graph = trace(
  ({ x, mean, std }) => {
    const [centre, scale] = [reshape(mean as Tensor, [3, 1]), reshape(std as Tensor, [3, 1])];
    const share = div(x as Tensor, maximum(centre, 255));
    return { known: div(x as Tensor, 255), y: div(sub(share, centre), scale) };
  },
  { x: { shape: [3, 256], dtype: "uint8" }, mean: { shape: [3] }, std: { shape: [3] } },
);

const mean = Float32Array.of(0.48145466, 0.4578275, 0.40821073);
const std = Float32Array.of(0.26862954, 0.26130258, 0.27577711);
const bytes = Uint8ClampedArray.from({ length: 768 }, (_, at) => at % 256);
const shares = Float32Array.from(bytes, (byte) => byte / 255);
const normalized = shares.map((share, at) => {
  const channel = Math.floor(at / 256);
  return Math.fround(share - mean[channel]!) / std[channel]!;
});

test.each([
  { name: "native", runtime: native, providers: ["cpu"] },
  { name: "browser's", runtime: web as unknown as typeof native, providers: ["wasm"] },
])("the $name ONNX Runtime reads bytes and divides them as float32 does, to the last bit", async (options) => {
  const compiled = await compileOnnx(graph, { ...options, threads: 1 });
  const shared = { data: new Uint8ClampedArray(new SharedArrayBuffer(768)), shape: [3, 256] };
  const statistics = { mean: { data: mean, shape: [3] }, std: { data: std, shape: [3] } };
  await compiled.run({ x: shared, ...statistics });
  shared.data.set(bytes); // another batch in the same memory
  for (const x of [{ data: bytes, shape: [3, 256] }, shared]) {
    const { y, known } = await compiled.run({ x, ...statistics });
    expect(known!.data).toEqual(shares);
    expect(y!.data).toEqual(normalized);
  }
  const numbers = { data: shares, shape: [3, 256] };
  await expect(compiled.run({ x: numbers })).rejects.toThrow("should hold 768 elements of uint8; got 768 of float32");
  await compiled.dispose();
});
