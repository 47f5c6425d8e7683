import { unflattenLike } from "@clip-ts/core";
import {
  goldenArrays,
  goldenJson,
  relativeError,
  renamedArrays,
  useEngine,
  type GoldenArray,
} from "@clip-ts/test-utils";
import { convertTensors, type Layout } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { formatClipConfig, parseClipConfig, weightNamesOf } from "./config-files/hugging-face.ts";
import { formatOwnConfig } from "./config-files/own-format.ts";
import { forwardDetails, lossGradients } from "./forward.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

type Arrays = Readonly<Record<string, GoldenArray>>;

/** Reference arrays under our names, or those of another layout, whatever names the original gives them. */
const canonical = (arrays: Arrays, layout: Layout = "huggingface"): Promise<Arrays> =>
  renamedArrays(arrays, (tensors) => convertTensors(tensors, layout));

const upload = ({ values, shape, dtype }: GoldenArray): Tensor =>
  tensor(values, [...shape], dtype === "I32" ? "int32" : "float32");

const gradientsOf = (folder: string, name: string): Promise<Arrays> =>
  folder === "align"
    ? alignGradients(`${folder}/${name}.safetensors`)
    : canonical(goldenArrays(`${folder}/${name}.safetensors`));

/** A model of the reference folder: its parameters, inputs and what the original computes. */
async function load(folder: string) {
  const config = parseClipConfig(goldenJson(`${folder}/config.json`));
  const weights = await canonical(goldenArrays(`${folder}/model.safetensors`));
  const leaves = Object.entries(weights).map(([name, array]) => [name, upload(array)]);
  const io = goldenArrays(`${folder}/io.safetensors`);
  return {
    config,
    params: unflattenLike(clipSpec(config), Object.fromEntries(leaves) as Record<string, Tensor>) as ClipParams,
    batch: {
      pixelValues: upload(io["pixel_values"]!),
      inputIds: upload(io["input_ids"]!),
      attentionMask: upload(io["attention_mask"]!),
    },
    io,
    gradients: await gradientsOf(folder, "grads"),
  };
}

afterAll(() => useEngine("cpu"));

/** ALIGN learns a temperature, here it is the logarithm of its reciprocal: its gradient follows by the chain rule. */
async function alignGradients(file: string): Promise<Arrays> {
  const { temperature, ...others } = goldenArrays(file);
  const given = goldenArrays("align/model.safetensors")["temperature"]!.values[0]!;
  const values = Float32Array.of(-given * temperature!.values[0]!);
  return { ...others, logit_scale: { dtype: "F32", shape: [], values } };
}

/** Softmax is blind to a key's bias: its gradient is rounding noise around 0. */
const isBlind = (path: string): boolean => /\b(k_proj|key)\.bias$/u.test(path);

async function expectGradients(
  gradients: Readonly<Record<string, Tensor>>,
  expected: Arrays,
  least = 1e-3,
): Promise<void> {
  expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [path, { values }] of Object.entries(expected)) {
    expect(relativeError(await gradients[path]!.data(), values, isBlind(path) ? 1e-2 : least), path).toBeLessThan(1e-4);
  }
}

const towers = ["dinov2", "dinov2-registers", "deit", "swin", "align"] as const;
const cases = towers.flatMap((tower) => (["cpu", "wasm"] as const).map((engine) => [tower, engine] as const));

test.each(cases)("%s: features, logits, loss and all gradients equal transformers' (%s)", async (tower, engine) => {
  await useEngine(engine);
  const { params, batch, config, io, gradients: expected } = await load(tower);
  const { output, gradients } = lossGradients(params, batch, config);
  for (const [found, name] of [
    [output.imageFeatures, "image_embeds"],
    [output.textFeatures, "text_embeds"],
    [output.logitsPerImage, "logits_per_image"],
    [output.loss, "loss"],
  ] as const) {
    expect(relativeError(await found.data(), io[name]!.values), name).toBeLessThan(1e-5);
  }
  await expectGradients(gradients, expected);
});

test("align: a training pass equals transformers', statistics too", async () => {
  await useEngine("wasm");
  const { params, batch, config } = await load("align");
  const { output, gradients } = lossGradients(params, batch, config, { training: true });
  const expected = goldenArrays("align/io-train.safetensors");
  expect(relativeError(await output.imageFeatures.data(), expected["image_embeds"]!.values)).toBeLessThan(1e-5);
  expect(relativeError(await output.loss.data(), expected["loss"]!.values)).toBeLessThan(1e-5);
  // A shift before a convolution whose norm takes it away again has a gradient of rounding noise.
  await expectGradients(gradients, await gradientsOf("align", "grads-train"), 1e-2);
  const after = goldenArrays("align/running-after.safetensors");
  expect(Object.keys(output.statistics).toSorted()).toEqual(Object.keys(after).toSorted());
  for (const [path, { values }] of Object.entries(after)) {
    expect(relativeError(await output.statistics[path]!.data(), values), path).toBeLessThan(1e-5);
  }
});

/** Trained by masks or by nothing, counted, or beside what is pooled: no part of the model. */
const isLeftOut = (name: string): boolean => /mask_token|num_batches_tracked|^text_model\.pooler\./u.test(name);

test.each(towers)("%s is the same in transformers' format and in clip-ts's own", async (tower) => {
  const json = goldenJson(`${tower}/config.json`);
  const config = parseClipConfig(json);
  expect(parseClipConfig(JSON.parse(JSON.stringify(formatOwnConfig(config))))).toEqual(config);
  const written = formatClipConfig(config) as { model_type: string; vision_config: { model_type: string } };
  expect(parseClipConfig(JSON.parse(JSON.stringify(written)))).toEqual(config);
  const { model_type, vision_config } = json as typeof written;
  expect([written.model_type, written.vision_config.model_type]).toEqual([model_type, vision_config.model_type]);
  const original = goldenArrays(`${tower}/model.safetensors`);
  const back = await canonical(await canonical(original), weightNamesOf(config));
  const kept = Object.keys(original).filter(
    (name) => !(tower === "align" ? isLeftOut(name) : /mask_token/u.test(name)),
  );
  const found = Object.keys(back).filter((name) => tower !== "align" || !isLeftOut(name));
  expect(found.toSorted()).toEqual(kept.toSorted());
  for (const name of kept) expect(relativeError(back[name]!.values, original[name]!.values), name).toBeLessThan(1e-6);
});

test.each(["dinov2", "dinov2-registers"] as const)("%s sees images of another size as transformers", async (tower) => {
  await useEngine("wasm");
  const { params, config } = await load(tower);
  const other = goldenArrays(`${tower}/at-size.safetensors`);
  const pixelValues = upload(other["pixel_values"]!);
  const resized = { ...config, vision: { ...config.vision, imageSize: pixelValues.shape[2]! } };
  const { imageFeatures } = forwardDetails(params, { pixelValues }, resized);
  expect(relativeError(await imageFeatures!.data(), other["image_embeds"]!.values)).toBeLessThan(1e-5);
});
