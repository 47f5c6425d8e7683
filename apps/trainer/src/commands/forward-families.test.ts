import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatClipConfig, type ClipConfig } from "@clip-ts/model";
import {
  captureOutput,
  goldenArrays,
  goldenPath,
  largestDifference,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import {
  bytesSource,
  convertTensors,
  fromFloat32,
  openSafetensors,
  readAll,
  serializeSafetensors,
  toBytes,
  toFloat32,
  type HostTensor,
} from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runProgram } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-families-"));
const output = join(folder, "out.safetensors");

afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

async function read(path: string): Promise<Record<string, HostTensor>> {
  return readAll(await openSafetensors(bytesSource(await readFile(path)), path));
}

/** Runs `clip-ts forward` and reads what it writes. */
async function forward(model: string, inputs: string, ...options: string[]) {
  const argv = ["forward", model, inputs, "-o", output, "--engine", "wasm", ...options];
  const { result, stderr } = await captureOutput(() => runProgram(commands, argv));
  expect(result, stderr).toBe(0);
  const written = await read(output);
  return {
    names: Object.keys(written),
    values: (name: string) => toFloat32(written[name] as HostTensor),
  };
}

/** The folder of one of the reference files. */
const modelOf = (file: string): string => dirname(goldenPath(file));

test("SigLIP: outputs and gradients equal transformers' SiglipModel", async () => {
  const inputs = goldenPath("siglip/io.safetensors");
  const expected = goldenArrays("siglip/io.safetensors");
  const { values } = await forward(modelOf("siglip/config.json"), inputs, "--grads");
  for (const name of ["image_embeds", "text_embeds", "loss"]) {
    expect(relativeError(values(name), expected[name]!.values), name).toBeLessThan(1e-5);
  }
  for (const [name, array] of Object.entries(goldenArrays("siglip/grads.safetensors"))) {
    expect(relativeError(values(name), array.values, 1e-3), name).toBeLessThan(1e-4);
  }
});

const resnet = modelOf("clip-resnet/open_clip_config.json");

test("ResNet: a training pass equals open_clip's under open_clip's names", async () => {
  const inputs = goldenPath("clip-resnet/io.safetensors");
  const expected = goldenArrays("clip-resnet/io.safetensors");
  const { names, values } = await forward(resnet, inputs, "--grads", "--training");
  expect(relativeError(values("loss"), expected["loss_train"]!.values)).toBeLessThan(1e-5);
  const images = expected["image_embeds_train"]!.values;
  expect(relativeError(values("image_embeds"), images)).toBeLessThan(1e-5);
  const gradients = Object.entries(goldenArrays("clip-resnet/grads.safetensors"));
  for (const [name, array] of gradients) {
    expect(relativeError(values(name), array.values, 1e-3), name).toBeLessThan(1e-4);
  }
  const statistics = Object.entries(goldenArrays("clip-resnet/running-after.safetensors"));
  for (const [name, array] of statistics) {
    expect(largestDifference(values(name), array.values), name).toBeLessThan(1e-5);
  }
  expect(names).toHaveLength(6 + gradients.length + statistics.length);
});

test("ResNet: an evaluation equals open_clip's and has no statistics", async () => {
  const inputs = goldenPath("clip-resnet/io.safetensors");
  const { names, values } = await forward(resnet, inputs);
  const expected = goldenArrays("clip-resnet/io.safetensors")["image_embeds_eval"]!.values;
  expect(relativeError(values("image_embeds"), expected)).toBeLessThan(1e-5);
  expect(names).toHaveLength(6);
});

const joined: ClipConfig = {
  projectionDim: 48,
  initialLogitScale: 0,
  vision: {
    width: 64,
    layers: 2,
    heads: 4,
    mlpWidth: 128,
    activation: "gelu",
    layerNormEps: 1e-6,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    preNorm: false,
    patchBias: true,
  },
  text: {
    kind: "roberta",
    width: 48,
    layers: 2,
    heads: 3,
    mlpWidth: 144,
    activation: "gelu",
    layerNormEps: 1e-12,
    vocabSize: 200,
    contextLength: 16,
    startTokenId: 0,
    endTokenId: 2,
    padTokenId: 1,
    tokenTypes: 1,
    pooling: "first",
  },
};

/** [48, width]: keeps the first 48 values. */
function cutting(width: number): HostTensor {
  const values = new Float32Array(48 * width);
  for (let row = 0; row < 48; row++) values[row * width + row] = 1;
  return fromFloat32(values, [48, width]);
}

/** A model of torchvision's ViT and RoBERTa under our names, with heads that only cut. */
async function writeJoined(): Promise<string> {
  const model = join(folder, "joined");
  const weights = {
    ...(await convertTensors(
      await read(goldenPath("torchvision-vit/model.safetensors")),
      "huggingface",
    )),
    ...(await convertTensors(await read(goldenPath("roberta/model.safetensors")), "huggingface")),
    "visual_projection.weight": cutting(64),
    "text_projection.weight": cutting(48),
    logit_scale: fromFloat32(new Float32Array(1), []),
  };
  await mkdir(model);
  await writeFile(join(model, "config.json"), JSON.stringify(formatClipConfig(joined)));
  await writeFile(join(model, "model.safetensors"), toBytes(serializeSafetensors(weights)));
  return model;
}

test("torchvision's ViT and RoBERTa: hidden states and features are the originals'", async () => {
  const model = await writeJoined();
  const texts = goldenArrays("roberta/io.safetensors");
  const { values } = await forward(model, goldenPath("roberta/io.safetensors"));
  const hidden = texts["last_hidden_state"]!.values;
  expect(relativeError(values("text_last_hidden"), hidden)).toBeLessThan(1e-5);
  const images = goldenArrays("torchvision-vit/io.safetensors")["feature"]!.values;
  const vision = await forward(model, goldenPath("torchvision-vit/io.safetensors"));
  const [first] = [Array.from(images.subarray(0, 48))];
  const expected = first.map((value) => value / Math.hypot(...first));
  expect(relativeError(vision.values("image_embeds").subarray(0, 48), expected)).toBeLessThan(1e-5);
});
