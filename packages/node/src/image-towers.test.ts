// Image towers of transformers' dual encoders and ALIGN, compiled by the engines, written and exported.
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { flattenTree, toHost, unflattenLike, dtypeOf, type HostArray } from "@clip-ts/core";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { closing, loadModelParams } from "@clip-ts/inference";
import { trace, type NamedTensors } from "@clip-ts/jit";
import { inputSize } from "@clip-ts/image";
import { clipSpec, formatClipConfig, lossGradients, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { goldenArrays, goldenPath, relativeError, renamedArrays, useEngine } from "@clip-ts/test-utils";
import { convertTensors } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { AutoModel, env, Tensor as ForeignTensor } from "@huggingface/transformers";
import * as runtime from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { exportOnnxFolder } from "./export-model.ts";
import { openModel } from "./open-model.ts";

env.allowRemoteModels = false;

const towers = ["dinov2", "dinov2-registers", "deit", "swin", "align"] as const;
type Tower = (typeof towers)[number];

const folder = await mkdtemp(join(tmpdir(), "clip-ts-image-towers-"));
afterAll(() => rm(folder, { recursive: true }));

const folderOf = (tower: Tower): string => dirname(goldenPath(`${tower}/config.json`));

/** Reference gradients under our names; a temperature's is one of the logarithm of its reciprocal here. */
async function expectedGradients(tower: Tower): Promise<Record<string, Float32Array>> {
  const { temperature, ...arrays } = goldenArrays(`${tower}/grads.safetensors`);
  const renamed = await renamedArrays(arrays, (tensors) => convertTensors(tensors, "huggingface"));
  const named = Object.entries(renamed).map(([name, { values }]) => [name, values]);
  if (temperature === undefined) return Object.fromEntries(named) as Record<string, Float32Array>;
  const value = goldenArrays(`${tower}/model.safetensors`)["temperature"]!.values[0]!;
  const scale = Float32Array.of(-value * temperature.values[0]!);
  return { ...Object.fromEntries(named), logit_scale: scale } as Record<string, Float32Array>;
}

/** Outputs and gradients ("d:" before a path); what is given has the batch beside the parameters. */
const pass =
  (config: ClipConfig) =>
  ({ pixelValues, inputIds, attentionMask, ...leaves }: NamedTensors): NamedTensors => {
    const params = unflattenLike(clipSpec(config), leaves) as ClipParams;
    const batch = { pixelValues: pixelValues!, inputIds: inputIds!, attentionMask: attentionMask! };
    const { output, gradients } = lossGradients(params, batch, config);
    const { imageFeatures, textFeatures, logitsPerImage, loss } = output;
    const named = Object.entries(gradients).map(([path, one]) => [`d:${path}`, one]);
    return { imageFeatures, textFeatures, logitsPerImage, loss, ...Object.fromEntries(named) } as NamedTensors;
  };

/** Parameters and inputs of the reference folder. */
async function givenOf(tower: Tower): Promise<NamedTensors> {
  const params = await closing(await openModel(folderOf(tower)), loadModelParams);
  const io = goldenArrays(`${tower}/io.safetensors`);
  const upload = (name: string, dtype: "int32" | "float32"): Tensor =>
    tensor(io[name]!.values, [...io[name]!.shape], dtype);
  return {
    ...flattenTree<Tensor>(params),
    pixelValues: upload("pixel_values", "float32"),
    inputIds: upload("input_ids", "int32"),
    attentionMask: upload("attention_mask", "int32"),
  };
}

const names = {
  imageFeatures: "image_embeds",
  textFeatures: "text_embeds",
  logitsPerImage: "logits_per_image",
  loss: "loss",
};

/** Softmax is blind to a key's bias: its gradient is rounding noise around 0. */
const leastOf = (path: string): number => (/\b(k_proj|key)\.bias$/u.test(path) ? 1e-2 : 1e-3);

const engines = ["onnx", "tensorflow"] as const;
const cases = towers.flatMap((tower) => engines.map((engine) => [tower, engine] as const));

test.each(cases)(
  "%s compiled by %s: features, logits, loss and all gradients equal transformers'",
  async (tower, engine) => {
    if (!inspectEngine(engine).available) {
      return console.warn(`SKIPPED: ${tower} on ${engine}, which is not set up.`);
    }
    const { config } = await openModel(folderOf(tower));
    await useEngine("cpu");
    const host: Record<string, HostArray> = {};
    for (const [name, leaf] of Object.entries(await givenOf(tower))) host[name] = await toHost(leaf);
    const { compiler } = await startEngine(engine);
    const shapes = Object.entries(host).map(([name, array]) => {
      return [name, { shape: array.shape, dtype: dtypeOf(array) }] as const;
    });
    const program = await compiler!.target(trace(pass(config), Object.fromEntries(shapes)));
    const found = await program.run(host);
    await program.dispose();
    const valuesOf = (name: string): Float32Array => found[name]!.data as Float32Array;
    const io = goldenArrays(`${tower}/io.safetensors`);
    for (const [ours, theirs] of Object.entries(names)) {
      expect(relativeError(valuesOf(ours), io[theirs]!.values), ours).toBeLessThan(1e-5);
    }
    const expected = await expectedGradients(tower);
    expect(Object.keys(found)).toHaveLength(Object.keys(names).length + Object.keys(expected).length);
    for (const [path, values] of Object.entries(expected)) {
      expect(relativeError(valuesOf(`d:${path}`), values, leastOf(path)), path).toBeLessThan(1e-4);
    }
  },
);

/** A copy of a reference folder, beside files of one's own. */
async function copyOf(tower: Tower, files: Readonly<Record<string, object>> = {}): Promise<string> {
  const copy = await mkdtemp(join(folder, tower));
  for (const name of ["config.json", "model.safetensors"])
    await copyFile(join(folderOf(tower), name), join(copy, name));
  for (const [name, json] of Object.entries(files)) await writeFile(join(copy, name), JSON.stringify(json));
  return copy;
}

test.each(["dinov2", "align"] as const)("the preprocessing of %s says how large images are", async (tower) => {
  const squares = { height: 40, width: 40 };
  const preprocessor = {
    image_processor_type: "ViTImageProcessor",
    do_resize: true,
    size: squares,
    resample: 3,
    do_rescale: true,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
  const { config, preprocess } = await openModel(await copyOf(tower, { "preprocessor_config.json": preprocessor }));
  expect([config.vision.imageSize, inputSize(preprocess)]).toEqual([40, 40]);
  const written = formatClipConfig(config)["vision_config"];
  expect(written).toMatchObject({ image_size: tower === "dinov2" ? 16 : 40 });
});

/** Whether an exported model's outputs are what the original computes. */
function expectOutputs(output: Readonly<Record<string, { readonly data: unknown }>>, tower: Tower): void {
  const io = goldenArrays(`${tower}/io.safetensors`);
  for (const name of ["image_embeds", "text_embeds", "logits_per_image"]) {
    expect(relativeError(output[name]!.data as Float32Array, io[name]!.values), name).toBeLessThan(1e-5);
  }
}

test.each(towers)("%s exported runs in onnxruntime and in @huggingface/transformers", async (tower) => {
  await useEngine("wasm");
  const out = join(folder, `${tower}-onnx`);
  await exportOnnxFolder(folderOf(tower), out, { precisions: ["f32"] });
  const session = await runtime.InferenceSession.create(await readFile(join(out, "onnx", "model.onnx")));
  const io = goldenArrays(`${tower}/io.safetensors`);
  const ids = (name: string): runtime.Tensor =>
    new runtime.Tensor("int64", BigInt64Array.from(io[name]!.values, BigInt), [...io[name]!.shape]);
  const pixels = io["pixel_values"]!;
  const output = await session.run({
    pixel_values: new runtime.Tensor("float32", pixels.values as Float32Array, [...pixels.shape]),
    input_ids: ids("input_ids"),
    attention_mask: ids("attention_mask"),
  });
  expectOutputs(output, tower);
  await session.release();
  const wide = (name: string): ForeignTensor =>
    new ForeignTensor("int64", ids(name).data as BigInt64Array, [...io[name]!.shape]);
  const model = await AutoModel.from_pretrained(out);
  const theirs = await model({
    pixel_values: new ForeignTensor("float32", pixels.values as Float32Array, [...pixels.shape]),
    input_ids: wide("input_ids"),
    attention_mask: wide("attention_mask"),
  });
  expectOutputs(theirs as Readonly<Record<string, ForeignTensor>>, tower);
  await model.dispose();
});
