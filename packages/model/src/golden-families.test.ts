import { unflattenLike } from "@clip-ts/core";
import {
  goldenArrays,
  renamedArrays,
  goldenJson,
  goldenTowers,
  largestDifference,
  relativeError,
  useEngine,
  type GoldenArray,
} from "@clip-ts/test-utils";
import { convertTensors } from "@clip-ts/weights";
import { eye, scalar, slice, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { parseClipConfig } from "./config-files/hugging-face.ts";
import type { ClipConfig } from "./config.ts";
import { forward, forwardDetails, lossGradients, type LossGradients } from "./forward.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

type Arrays = Readonly<Record<string, GoldenArray>>;

/** Reference arrays under our names, whatever names the original gives them. */
const canonical = (arrays: Arrays): Promise<Arrays> =>
  renamedArrays(arrays, (tensors) => convertTensors(tensors, "huggingface"));

const upload = ({ values, shape, dtype }: GoldenArray): Tensor =>
  tensor(values, [...shape], dtype === "I32" ? "int32" : "float32");

/** A model of the reference folder: its parameters, inputs and what the original computes. */
async function load(folder: string, files: { config: string; weights: string }) {
  const config = parseClipConfig(goldenJson(`${folder}/${files.config}`));
  const weights = await canonical(goldenArrays(`${folder}/${files.weights}`));
  const leaves = Object.entries(weights).map(([name, array]) => [name, upload(array)]);
  const io = goldenArrays(`${folder}/io.safetensors`);
  return {
    config,
    params: unflattenLike(clipSpec(config), Object.fromEntries(leaves) as Record<string, Tensor>) as ClipParams,
    batch: { pixelValues: upload(io["pixel_values"]!), inputIds: upload(io["input_ids"]!) },
    expected: (name: string) => io[name]!.values,
    gradients: await canonical(goldenArrays(`${folder}/grads.safetensors`)),
  };
}

const huggingFace = { config: "config.json", weights: "model.safetensors" };
const openClip = { config: "open_clip_config.json", weights: "open_clip_model.safetensors" };

afterAll(() => useEngine("cpu"));

async function expectGradients(actual: LossGradients["gradients"], expected: Arrays): Promise<void> {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [path, { values }] of Object.entries(expected)) {
    const least = path.endsWith("k_proj.bias") ? 1e-2 : 1e-3; // softmax is blind to a key's bias: rounding noise around 0
    expect(relativeError(await actual[path]!.data(), values, least), path).toBeLessThan(1e-4);
  }
}

for (const engine of ["cpu", "wasm"] as const) {
  test(`SigLIP: features, logits, loss and gradients equal transformers' (${engine})`, async () => {
    await useEngine(engine);
    const model = await load("siglip", huggingFace);
    const { params, batch, config } = model;
    const { output, gradients } = lossGradients(params, batch, config);
    const { imageFeatures, textFeatures, logitsPerImage, loss } = output;
    for (const [tensor, name] of [
      [imageFeatures, "image_embeds"],
      [textFeatures, "text_embeds"],
      [loss, "loss"],
    ] as const) {
      expect(relativeError(await tensor.data(), model.expected(name)), name).toBeLessThan(1e-5);
    }
    const logits = await logitsPerImage.data();
    const transposed = Array.from(logits, (_, at) => logits[(at % 6) * 6 + Math.floor(at / 6)]!);
    expect(relativeError(transposed, model.expected("logits_per_text"))).toBeLessThan(1e-5);
    await expectGradients(gradients, model.gradients);
  });

  test(`plain ViT + RoBERTa: features, loss and gradients equal transformers' (${engine})`, async () => {
    await useEngine(engine);
    const model = await load("dual-encoder", huggingFace);
    const { params, batch, config, expected } = model;
    const { output, gradients } = lossGradients(params, batch, config);
    for (const [tensor, name] of [
      [output.imageFeatures, "image_embeds"],
      [output.textFeatures, "text_embeds"],
      [output.logitsPerImage, "logits_per_image"],
      [output.loss, "loss"],
    ] as const) {
      expect(relativeError(await tensor.data(), expected(name)), name).toBeLessThan(1e-5);
    }
    await expectGradients(gradients, model.gradients);
  });

  test(`ResNet: features of an evaluation equal open_clip's (${engine})`, async () => {
    await useEngine(engine);
    const { params, batch, config, expected } = await load("clip-resnet", openClip);
    const { imageFeatures, statistics } = forward(params, batch, config);
    const error = relativeError(await imageFeatures.data(), expected("image_embeds_eval"));
    expect(error).toBeLessThan(1e-5);
    expect(statistics).toEqual({});
  });
}

// wasm alone: gradients of convolutions take the cpu engine half a minute.
test("ResNet: a training pass equals open_clip's, statistics too (wasm)", async () => {
  await useEngine("wasm");
  const model = await load("clip-resnet", openClip);
  const { params, batch, config } = model;
  const { output, gradients } = lossGradients(params, batch, config, { training: true });
  const { imageFeatures, textFeatures, loss, statistics } = output;
  for (const [tensor, name] of [
    [imageFeatures, "image_embeds_train"],
    [textFeatures, "text_embeds"],
    [loss, "loss_train"],
  ] as const) {
    expect(relativeError(await tensor.data(), model.expected(name)), name).toBeLessThan(1e-5);
  }
  await expectGradients(gradients, model.gradients);
  const after = await canonical(goldenArrays("clip-resnet/running-after.safetensors"));
  expect(Object.keys(statistics).toSorted()).toEqual(Object.keys(after).toSorted());
  for (const [path, { values }] of Object.entries(after)) {
    expect(largestDifference(await statistics[path]!.data(), values), path).toBeLessThan(1e-5);
  }
});

/** The preset "ViT-B-32-roberta" at the size of the reference towers. */
const dual: ClipConfig = {
  projectionDim: 48,
  initialLogitScale: 0,
  vision: goldenTowers.torchvision,
  text: goldenTowers.roberta,
};

/** The first 48 values of each row of the given length, scaled to length 1. */
function unitRows(values: ArrayLike<number>, dim: number): number[] {
  const rows = Array.from({ length: values.length / dim }, (_, row) =>
    Array.from(values).slice(row * dim, row * dim + 48),
  );
  return rows.flatMap((row) => row.map((value) => value / Math.hypot(...row)));
}

test("torchvision's ViT and RoBERTa, joined by heads that only cut, keep their own features", async () => {
  await useEngine("cpu");
  const images = goldenArrays("torchvision-vit/io.safetensors");
  const texts = goldenArrays("roberta/io.safetensors");
  const leaves = {
    ...(await canonical(goldenArrays("torchvision-vit/model.safetensors"))),
    ...(await canonical(goldenArrays("roberta/model.safetensors"))),
  };
  const towers = Object.entries(leaves).map(([name, array]) => [name, upload(array)] as const);
  const params = unflattenLike(clipSpec(dual), {
    ...Object.fromEntries(towers),
    "visual_projection.weight": slice(eye(64), [0, 0], [48, 64]),
    "text_projection.weight": eye(48),
    logit_scale: scalar(0),
  }) as ClipParams;
  const batch = {
    pixelValues: slice(upload(images["pixel_values"]!), [0, 0, 0, 0], [4, -1, -1, -1]),
    inputIds: upload(texts["input_ids"]!),
    attentionMask: upload(texts["attention_mask"]!),
  };
  const { imageFeatures, textFeatures, textLastHidden } = forwardDetails(params, batch, dual);
  const features = unitRows(images["feature"]!.values, 64).slice(0, 4 * 48);
  expect(relativeError(await imageFeatures!.data(), features)).toBeLessThan(1e-5);
  const firsts = unitRows(texts["cls"]!.values, 48);
  expect(relativeError(await textFeatures!.data(), firsts)).toBeLessThan(1e-5);
  const hidden = await textLastHidden!.data();
  expect(relativeError(hidden, texts["last_hidden_state"]!.values)).toBeLessThan(1e-5);
  const { attentionMask: _mask, ...unmasked } = batch;
  const without = await forward(params, unmasked, dual).textFeatures.data();
  expect(without).toEqual(await textFeatures!.data());
});
