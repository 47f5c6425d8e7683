import { readFile } from "node:fs/promises";
import { memory, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { flattenTree, param, toHost, zeros, type HostArray, type ParamSpec } from "@clip-ts/core";
import {
  bytesSource,
  convertLayout,
  fromFloat32,
  fromInt32,
  loadHostArrays,
  loadParams,
  openSafetensors,
  readAll,
  saveParams,
  serializeSafetensors,
  streamParams,
  toBytes,
  toFloat32,
  type HostTensor,
  type TensorFile,
} from "./index.ts";

const fileOf = (tensors: Record<string, HostTensor>): Promise<TensorFile> =>
  openSafetensors(bytesSource(toBytes(serializeSafetensors(tensors))), "model.safetensors");
const dispose = (tree: object): void => {
  for (const leaf of Object.values(flattenTree<Tensor>(tree))) leaf.dispose();
};

const spec = {
  text_model: { fc1: { weight: param([3, 2], zeros, "matrix"), bias: param([3], zeros, "bias") } },
  logit_scale: param([], zeros, "scale"),
};
const weight = fromFloat32(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2], "F16");
const bias = fromFloat32(Float32Array.of(0.5, -1, 2), [3], "BF16");
const scale = fromFloat32(Float32Array.of(2.5), []);
const fitting = {
  "text_model.fc1.weight": weight,
  "text_model.fc1.bias": bias,
  logit_scale: scale,
};

test("a tree of float32 tensors in the shape of its spec, owned by the caller", async () => {
  const file = await fileOf(fitting);
  const before = memory().numTensors;
  const params = await loadParams(spec, file);
  expect(memory().numTensors).toBe(before + 3);
  expect(params.text_model.fc1.weight.dtype).toBe("float32");
  expect(params.text_model.fc1.weight.arraySync()).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(params.text_model.fc1.bias.arraySync()).toEqual([0.5, -1, 2]);
  expect(params.logit_scale.arraySync()).toBe(2.5);
  dispose(params);
});

test("host arrays hold the same bits, and no tensor is made", async () => {
  const file = await fileOf(fitting);
  const before = memory().numTensors;
  const host = await loadHostArrays(spec, file);
  expect(memory().numTensors).toBe(before);
  const params = flattenTree<Tensor>(await loadParams(spec, file));
  const expected: Record<string, HostArray> = {};
  for (const [path, leaf] of Object.entries(params)) expected[path] = await toHost(leaf);
  expect(host).toEqual(expected);
  dispose(params);
});

test("one part of a file, by prefix", async () => {
  const file = await fileOf({ ...fitting, "vision_model.other": bias });
  const params = await loadParams(spec.text_model, file, { prefix: "text_model." });
  expect(params.fc1.bias.arraySync()).toEqual([0.5, -1, 2]);
  dispose(params);
  const host = await loadHostArrays(spec.text_model, file, { prefix: "text_model." });
  expect(Object.keys(host)).toEqual(["fc1.weight", "fc1.bias"]);
});

test("a real checkpoint loads under either naming and is saved as it was", async () => {
  const original = await readFile(new URL("fixtures/clip-vit.safetensors", import.meta.url));
  const huggingFace = await openSafetensors(bytesSource(original));
  const whole = Object.fromEntries(
    huggingFace.names.map((name) => [name, param(huggingFace.describe(name).shape, zeros, "matrix")]),
  );
  const openai = await fileOf(await readAll(convertLayout(huggingFace, "openai")));
  for (const file of [huggingFace, openai]) {
    const params = await loadParams<Record<string, ParamSpec>>(whole, file);
    expect(Buffer.compare(toBytes(await saveParams(params)), original)).toBe(0);
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamParams(params).chunks()) chunks.push(chunk);
    expect(Buffer.compare(Buffer.concat(chunks), original)).toBe(0);
    const renamed = toBytes(await saveParams(params, { layout: "openai" }));
    const streamed: Uint8Array[] = [];
    for await (const chunk of streamParams(params, { layout: "openai" }).chunks()) {
      streamed.push(chunk);
    }
    expect(Buffer.compare(Buffer.concat(streamed), renamed)).toBe(0);
    const openaiTensors = await readAll(convertLayout(huggingFace, "openai"));
    const expected = toBytes(serializeSafetensors(openaiTensors, { format: "pt" }));
    expect(Buffer.compare(renamed, expected)).toBe(0);
    dispose(params);
  }
});

test("everything that does not fit is listed at once, and nothing leaks", async () => {
  const file = await fileOf({
    "text_model.fc1.weight": fromFloat32(new Float32Array(6), [2, 3]),
    "text_model.fc2.weight": weight,
    "text_model.embeddings.position_ids": fromInt32(new Int32Array(2), [2]),
    logit_scale: fromInt32(new Int32Array(1), []),
  });
  const before = memory().numTensors;
  await expect(loadParams(spec, file)).rejects.toThrow(
    [
      "model.safetensors does not fit the model; check that config and weights belong together:",
      "  text_model.fc1.weight: expected [3, 2], file has [2, 3]",
      "  text_model.fc1.bias: missing from the file",
      "  logit_scale: expected floating-point values, file has I32",
      "  text_model.fc2.weight: in the file, but not in the model",
    ].join("\n"),
  );
  expect(memory().numTensors).toBe(before);
});

test("a long list of faults is cut, with a count", async () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`w${at}`, param([], zeros, "scale")]));
  const error: unknown = await loadParams(many, await fileOf({})).catch((caught: unknown) => caught);
  const lines = (error as Error).message.split("\n");
  expect(lines).toHaveLength(22);
  expect(lines.at(-1)).toBe("  … and 30 more");
});

test("a read that fails half way leaves no tensor behind", async () => {
  const file = await fileOf(fitting);
  const failing: TensorFile = {
    ...file,
    read: (name) => (name === "logit_scale" ? Promise.reject(new Error("disk gone")) : file.read(name)),
  };
  const before = memory().numTensors;
  await expect(loadParams(spec, failing)).rejects.toThrow("disk gone");
  await expect(loadHostArrays(spec, failing)).rejects.toThrow("disk gone");
  expect(memory().numTensors).toBe(before);
});

test("a tree is saved under its paths in the asked dtype; its tensors stay", async () => {
  const params = { head: { weight: tensor([[1, 1 / 3]]), ids: tensor([4, 5], [2], "int32") } };
  const before = memory().numTensors;
  const bytes = toBytes(await saveParams(params, { dtype: "BF16", metadata: { step: "7" } }));
  expect(memory().numTensors).toBe(before);
  const file = await openSafetensors(bytesSource(bytes));
  expect(file.metadata).toEqual({ step: "7" });
  expect(file.describe("head.weight").dtype).toBe("BF16");
  expect(file.describe("head.ids").dtype).toBe("I32");
  expect([...toFloat32(await file.read("head.weight"))]).toEqual([1, 0.333984375]);
  dispose(params);
});
