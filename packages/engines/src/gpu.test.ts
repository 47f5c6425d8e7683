import { existsSync } from "node:fs";
import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { trace, type HostArrays, type NamedTensors } from "@clip-ts/jit";
import { clipSpec, forward, parseClipConfig, type ClipParams } from "@clip-ts/model";
import {
  goldenArrays,
  goldenJson,
  goldenTensors,
  largestDifference,
  relativeError,
  useEngine,
  type GoldenArray,
} from "@clip-ts/test-utils";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { checkEngine } from "./inspect.ts";
import { automaticEngines, type StartedEngine } from "./engine.ts";
import { startEngine } from "./start.ts";

/** Chromium's Vulkan on the CPU: slow and exact, it stands in for a card. */
const softwareCard = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (existsSync(softwareCard)) process.env["VK_ICD_FILENAMES"] ??= softwareCard;

const refusal = await startEngine("onnx-gpu").then(() => undefined, String);
if (refusal !== undefined) console.warn(`Skipped: tests on a GPU. ${refusal}`);

afterAll(() => useEngine("cpu"));

const config = parseClipConfig(goldenJson("clip-vit/config.json"));

/** Embeddings, and every parameter's gradient under its name. */
function lossAndGradient(params: NamedTensors, batch: NamedTensors): Record<string, Tensor> {
  const pairs = { pixelValues: batch["pixel_values"]!, inputIds: batch["input_ids"]! };
  const { value, gradient, aux } = valueAndGradient(
    (tree: ClipParams) => {
      const { loss, imageFeatures, textFeatures } = forward(tree, pairs, config);
      return { loss, aux: { image_embeds: imageFeatures, text_embeds: textFeatures } };
    },
    unflattenLike(clipSpec(config), params) as ClipParams,
  );
  const gradients = Object.entries(flattenTree<Tensor>(gradient));
  return {
    loss: value,
    ...aux,
    ...Object.fromEntries(gradients.map(([path, leaf]) => [`grad:${path}`, leaf])),
  };
}

/** The same, by operations as they come. */
async function runEagerly(): Promise<Record<string, Float32Array>> {
  const params = goldenTensors("clip-vit/model.safetensors");
  const results = lossAndGradient(params, goldenTensors("clip-vit/io.safetensors"));
  const read = Object.entries(results).map(async ([name, leaf]) => [name, await leaf.data()]);
  const values = Object.fromEntries(await Promise.all(read)) as Record<string, Float32Array>;
  dispose([params, results] as never);
  return values;
}

/** The same, traced and compiled. */
async function runCompiled({ compiler }: StartedEngine): Promise<Record<string, Float32Array>> {
  const hosted = (tree: Readonly<Record<string, GoldenArray>>): HostArrays =>
    Object.fromEntries(Object.entries(tree).map(([name, { values, shape }]) => [name, { data: values, shape }]));
  const { pixel_values, input_ids } = goldenArrays("clip-vit/io.safetensors");
  const params = hosted(goldenArrays("clip-vit/model.safetensors"));
  const batch = hosted({ pixel_values: pixel_values!, input_ids: input_ids! });
  const specs = Object.entries({ ...params, ...batch }).map(([name, { data, shape }]) => {
    return [name, { shape, dtype: data instanceof Int32Array ? "int32" : "float32" }] as const;
  });
  const graph = trace((given) => lossAndGradient(given, given), Object.fromEntries(specs));
  const compiled = await compiler!.target(graph);
  const results = await compiled.run({ ...params, ...batch });
  await compiled.dispose();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
}

function expectGolden(actual: Record<string, Float32Array>): void {
  const outputs = goldenArrays("clip-vit/io.safetensors");
  for (const name of ["image_embeds", "text_embeds", "loss"]) {
    expect(largestDifference(actual[name]!, outputs[name]!.values), name).toBeLessThan(1e-5);
  }
  const gradients = Object.entries(goldenArrays("clip-vit/grads.safetensors"));
  for (const [path, { values }] of gradients) {
    expect(relativeError(actual[`grad:${path}`]!, values, 1e-3), path).toBeLessThan(1e-4);
  }
}

describe.skipIf(refusal !== undefined)("on a graphics adapter", () => {
  test("ONNX Runtime gives Hugging Face's embeddings and gradients", async () => {
    const engine = await startEngine("onnx", { device: "gpu" });
    expect(engine).toMatchObject({ name: "onnx-gpu", reason: "asked for" });
    expect(engine.detail).toMatch(/GPU through (CUDA|WebGPU)$/u);
    expectGolden(await runCompiled(engine));
  });

  test("eager WebGPU gives Hugging Face's embeddings and gradients", async () => {
    const engine = await startEngine("webgpu");
    expect(engine.detail).toMatch(/^WebGPU, \S/u);
    expect((await checkEngine()).map(({ passed }) => passed)).toEqual([true, true, true, true]);
    expectGolden(await runEagerly());
  });

  test("the device chooses the engine", async () => {
    expect((await startEngine("auto", { device: "gpu" })).name).toMatch(/gpu/u);
    expect((await startEngine("auto", { device: "cpu" })).name).not.toMatch(/gpu/u);
  });
});

test("an engine that never computes on the device is refused", async () => {
  const wasm = startEngine("wasm", { device: "gpu" });
  await expect(wasm).rejects.toThrow(
    'The engine "wasm" does not compute on the GPU. Leave out the engine or the device.',
  );
  await expect(startEngine("webgpu", { device: "cpu" })).rejects.toMatchObject({
    code: "bad-config",
  });
});

test("only TensorFlow takes a GPU without being asked", () => {
  expect(automaticEngines()).toEqual(["tensorflow-gpu", "tensorflow", "onnx", "wasm", "cpu"]);
  expect(automaticEngines("cpu")).toEqual(["tensorflow", "onnx", "wasm", "cpu"]);
});
