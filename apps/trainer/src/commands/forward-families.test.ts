import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  captureOutput,
  goldenArrays,
  goldenJson,
  goldenPath,
  largestDifference,
  relativeError,
  useEngine,
} from "@clip-ts/test-utils";
import { serializeSafetensors, toBytes, toFloat32, type HostTensor } from "@clip-ts/weights";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { readTensors, writeJoinedModel } from "./shared/joined-model.test.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-families-"));
const output = join(folder, "out.safetensors");

afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

/** Runs `clip-ts forward` and reads what it writes. */
async function forward(model: string, inputs: string, ...options: string[]) {
  const argv = ["forward", model, inputs, "-o", output, "--engine", "wasm", ...options];
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, argv));
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

/** Every value of a tower's outputs against its library's, under the names in both files. */
async function expectTower(name: string, outputs: Readonly<Record<string, string>>): Promise<void> {
  const io = `${name}/io.safetensors`;
  const { names, values } = await forward(modelOf(io), goldenPath(io));
  const expected = goldenArrays(io);
  for (const [own, theirs] of Object.entries(outputs)) {
    expect(values(own)).toHaveLength(expected[theirs]!.values.length);
    expect(relativeError(values(own), expected[theirs]!.values), own).toBeLessThan(1e-5);
  }
  expect(names).toHaveLength(2);
}

test("torchvision's ViT alone: the features of all images are torchvision's", async () => {
  await expectTower("torchvision-vit", { image_features: "feature" });
});

test("RoBERTa alone: all hidden states and first tokens are transformers'", async () => {
  await expectTower("roberta", { text_last_hidden: "last_hidden_state", text_features: "cls" });
});

test("a tower alone runs the same compiled, and reads its own inputs only", async () => {
  const io = "roberta/io.safetensors";
  const { values } = await forward(modelOf(io), goldenPath(io), "--engine", "onnx");
  const expected = goldenArrays(io)["last_hidden_state"]!.values;
  expect(relativeError(values("text_last_hidden"), expected)).toBeLessThan(1e-5);
  const refusal = async (...words: string[]): Promise<string> => {
    const argv = ["forward", modelOf(io), ...words, "-o", output, "--engine", "wasm"];
    const { result, stderr } = await captureOutput(() => runCommandLine(commands, argv));
    expect(result).toBe(1);
    return stderr;
  };
  expect(await refusal(goldenPath("torchvision-vit/io.safetensors"))).toContain(
    "holds a text tower alone, which reads input_ids, and the file has none.",
  );
  expect(await refusal(goldenPath(io), "--grads")).toContain("has no loss: leave out --grads");
});

test("CLIP's vision tower alone: the hidden states are those of the whole model", async () => {
  const alone = join(folder, "clip-vision");
  await mkdir(alone);
  const tensors = await readTensors(goldenPath("clip-vit/model.safetensors"));
  const own = Object.entries(tensors).filter(([name]) => name.startsWith("vision_model."));
  const bytes = toBytes(serializeSafetensors(Object.fromEntries(own)));
  await writeFile(join(alone, "model.safetensors"), bytes);
  const { vision_config: config } = goldenJson("clip-vit/config.json") as { vision_config: object };
  const json = JSON.stringify({ ...config, model_type: "clip_vision_model" });
  await writeFile(join(alone, "config.json"), json);
  const io = goldenPath("clip-vit/io.safetensors");
  const { names, values } = await forward(alone, io);
  const expected = goldenArrays("clip-vit/io.safetensors")["image_last_hidden"]!.values;
  expect(relativeError(values("image_last_hidden"), expected)).toBeLessThan(1e-5);
  expect(names).toEqual(["image_features", "image_last_hidden"]);
});

test("CLIP's vision tower with its projection: features, hidden states and unit rows", async () => {
  const io = "projected-towers/vision/io.safetensors";
  const { names, values } = await forward(modelOf(io), goldenPath(io));
  expect(names).toEqual(["image_embeds", "image_features", "image_last_hidden"]);
  const { embeds, last_hidden: hidden } = goldenArrays(io);
  expect(relativeError(values("image_last_hidden"), hidden!.values)).toBeLessThan(1e-5);
  const dim = embeds!.shape[1]!;
  const rows = Array.from({ length: embeds!.shape[0]! }, (_, row) =>
    [...embeds!.values].slice(row * dim, (row + 1) * dim),
  );
  const unit = rows.flatMap((row) => row.map((value) => value / Math.hypot(...row)));
  expect(relativeError(values("image_embeds"), unit)).toBeLessThan(1e-5);
});

test("the two as one model: hidden states and features are the originals', within the cut heads", async () => {
  const model = await writeJoinedModel(join(folder, "joined"));
  const text = await forward(model, goldenPath("roberta/io.safetensors"));
  const hidden = goldenArrays("roberta/io.safetensors")["last_hidden_state"]!.values;
  expect(relativeError(text.values("text_last_hidden"), hidden)).toBeLessThan(1e-5);
  const { values: all, shape } = goldenArrays("torchvision-vit/io.safetensors")["feature"]!;
  const vision = await forward(model, goldenPath("torchvision-vit/io.safetensors"));
  const expected = Array.from({ length: shape[0]! }, (_, row) => {
    const kept = Array.from(all.subarray(row * 64, row * 64 + 48)); // what the head keeps
    return kept.map((value) => value / Math.hypot(...kept));
  }).flat();
  expect(relativeError(vision.values("image_embeds"), expected)).toBeLessThan(1e-5);
});
