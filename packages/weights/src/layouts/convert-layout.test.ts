import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import {
  bytesSource,
  convertLayout,
  convertTensors,
  detectLayout,
  fromFloat32,
  lazyTensors,
  openSafetensors,
  readAll,
  serializeSafetensors,
  streamSafetensors,
  toBytes,
  type HostTensor,
  type TensorFile,
} from "../index.ts";

type HostTensors = Record<string, HostTensor>;

let original: Uint8Array;
let huggingFace: HostTensors;
let openai: HostTensors; // serialize-safetensors.test.ts proves it equal to PyTorch's file
beforeAll(async () => {
  original = new Uint8Array(await readFile(new URL("../fixtures/clip-vit.safetensors", import.meta.url)));
  huggingFace = await readAll(await openSafetensors(bytesSource(original)));
  openai = await convertTensors(huggingFace, "openai");
});

const withPrefix = (tensors: HostTensors, prefix: string): HostTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
const fileOf = (tensors: HostTensors): Promise<TensorFile> =>
  openSafetensors(bytesSource(toBytes(serializeSafetensors(tensors))));
const vector = (...values: number[]): HostTensor => fromFloat32(Float32Array.from(values), [values.length]);

test("there and back, no byte of the file differs", async () => {
  const back = serializeSafetensors(await convertTensors(openai, "huggingface"), { format: "pt" });
  expect(Buffer.compare(toBytes(back), original)).toBe(0);
});

test("a file is converted while it streams, in both directions", async () => {
  const collect = async (file: TensorFile): Promise<Uint8Array> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of streamSafetensors(lazyTensors(file), { format: "pt" }).chunks()) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };
  const stored = await fileOf(openai);
  expect(Buffer.compare(await collect(convertLayout(stored, "huggingface")), original)).toBe(0);

  const back = convertLayout(await openSafetensors(bytesSource(original)), "openai");
  const expected = toBytes(serializeSafetensors(openai, { format: "pt" }));
  expect(Buffer.compare(await collect(back), expected)).toBe(0);
});

test("a converted file reads rows and keeps the layout it has", async () => {
  const name = "visual_projection.weight";
  const file = convertLayout(await fileOf(openai), "huggingface");
  expect(file.describe(name)).toEqual({ dtype: "F32", shape: [40, 64], byteLength: 40 * 64 * 4 });
  expect([...(await file.read(name, [2, 4])).bytes]).toEqual([
    ...(huggingFace[name]?.bytes.slice(2 * 64 * 4, 4 * 64 * 4) ?? []),
  ]);
  expect(convertLayout(file, "huggingface").names).toEqual(file.names);
  expect(() => file.describe("visual.proj")).toThrow('no tensor "visual.proj"');
});

test("queries, keys and values are stacked in this order; projections are transposed", async () => {
  const block = "text_model.encoder.layers.7.self_attn";
  const tensors = {
    [`${block}.v_proj.bias`]: vector(5, 6),
    [`${block}.q_proj.bias`]: vector(1, 2),
    [`${block}.k_proj.bias`]: vector(3, 4),
    "text_projection.weight": fromFloat32(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], "BF16"),
  };
  const converted = await convertTensors(tensors, "openai");
  expect(converted).toEqual({
    "transformer.resblocks.7.attn.in_proj_bias": vector(1, 2, 3, 4, 5, 6),
    text_projection: fromFloat32(Float32Array.of(1, 4, 2, 5, 3, 6), [3, 2], "BF16"),
  });
  expect(await convertTensors(converted, "huggingface")).toEqual(tensors);
});

test("buffers that no model learns are dropped, and so is the prefix of parallel training", async () => {
  const buffers = {
    input_resolution: vector(224),
    context_length: vector(77),
    vocab_size: vector(9),
    attn_mask: vector(0),
    "transformer.attn_mask": vector(0),
  };
  const names = Object.keys(huggingFace).toSorted();
  expect(Object.keys(await convertTensors({ ...openai, ...buffers }, "huggingface")).toSorted()).toEqual(names);
  const ids = { "text_model.embeddings.position_ids": vector(0, 1) };
  expect(Object.keys(await convertTensors({ ...huggingFace, ...ids }, "openai"))).toEqual(Object.keys(openai));

  const wrapped = withPrefix(openai, "module.");
  expect(Object.keys(await convertTensors(wrapped, "huggingface")).toSorted()).toEqual(names);
  const file = convertLayout(await fileOf(wrapped), "huggingface");
  expect(await file.read("logit_scale")).toEqual(huggingFace["logit_scale"]);
});

test("a ResNet's visual tensors keep their names within the tower", async () => {
  const resnet = (tower: string): HostTensors => ({
    [`${tower}.conv1.weight`]: vector(1),
    [`${tower}.layer1.0.bn1.running_mean`]: vector(2),
    [`${tower}.attnpool.q_proj.bias`]: vector(3),
  });
  const openaiText = { "ln_final.bias": vector(4) };
  const counter = { "visual.bn1.num_batches_tracked": vector(5) };
  const original = { ...resnet("visual"), ...openaiText };
  const converted = await convertTensors({ ...original, ...counter }, "huggingface");
  expect(converted).toEqual({
    ...resnet("vision_model"),
    "text_model.final_layer_norm.bias": vector(4),
  });
  expect(await convertTensors(converted, "openai")).toEqual(original);
});

test("what cannot be converted is named", async () => {
  const stray = { ...openai, "visual.decoder.norm.weight": vector(1) };
  await expect(convertTensors(stray, "huggingface")).rejects.toThrow(
    "visual.decoder.norm.weight: no tensor of a known",
  );
  const bias = "transformer.resblocks.0.attn.in_proj_bias";
  const uneven = { ...openai, [bias]: vector(1, 2, 3, 4) };
  await expect(convertTensors(uneven, "huggingface")).rejects.toThrow(`${bias}: expected 3 parts of rows, found [4]`);
  const flat = { ...openai, text_projection: vector(1) };
  await expect(convertTensors(flat, "huggingface")).rejects.toThrow(
    "text_projection: a shape of [1] cannot be converted",
  );

  const key = "vision_model.encoder.layers.1.self_attn.k_proj.bias";
  const { [key]: _, ...incomplete } = huggingFace;
  await expect(convertTensors(incomplete, "openai")).rejects.toThrow(`${key}: missing, but`);
  await expect(convertTensors({ ...huggingFace, [key]: vector(1) }, "openai")).rejects.toThrow(
    `${key}: must have the dtype and shape of`,
  );
  await expect(convertTensors(huggingFace, "torchvision")).rejects.toMatchObject({
    code: "unsupported",
  });
});

test("the layout is told from the names", () => {
  expect(detectLayout(Object.keys(huggingFace))).toBe("huggingface");
  expect(detectLayout(Object.keys(openai))).toBe("openai");
  expect(detectLayout(Object.keys(withPrefix(openai, "module.")))).toBe("openai");
  expect(() => detectLayout(["decoder.layer.0.weight"])).toThrow(
    "torchvision or RoBERTa, found decoder.layer.0.weight.",
  );
  expect(() => detectLayout([])).toThrow("found no tensors");
});
