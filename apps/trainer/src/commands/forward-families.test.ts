import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  captureOutput,
  goldenArrays,
  goldenPath,
  largestDifference,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import { toFloat32, type HostTensor } from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runProgram } from "../cli/main.ts";
import { commands } from "./index.ts";
import { readTensors, writeJoinedModel } from "./support/joined-model.test.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-families-"));
const output = join(folder, "out.safetensors");

afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

/** Runs `clip-ts forward` and reads what it writes. */
async function forward(model: string, inputs: string, ...options: string[]) {
  const argv = ["forward", model, inputs, "-o", output, "--engine", "wasm", ...options];
  const { result, stderr } = await captureOutput(() => runProgram(commands, argv));
  expect(result, stderr).toBe(0);
  const written = await readTensors(output);
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

test("plain ViT and RoBERTa: outputs and gradients equal transformers', under its names", async () => {
  const inputs = goldenPath("dual-encoder/io.safetensors");
  const expected = goldenArrays("dual-encoder/io.safetensors");
  const { names, values } = await forward(modelOf("dual-encoder/config.json"), inputs, "--grads");
  for (const name of ["image_embeds", "text_embeds", "logits_per_image", "loss"]) {
    expect(relativeError(values(name), expected[name]!.values), name).toBeLessThan(1e-5);
  }
  const gradients = Object.entries(goldenArrays("dual-encoder/grads.safetensors"));
  for (const [name, array] of gradients) {
    expect(relativeError(values(name), array.values, 1e-3), name).toBeLessThan(1e-4);
  }
  expect(names).toHaveLength(6 + gradients.length);
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

test("torchvision's ViT and RoBERTa: hidden states and features are the originals'", async () => {
  const model = await writeJoinedModel(join(folder, "joined"));
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
