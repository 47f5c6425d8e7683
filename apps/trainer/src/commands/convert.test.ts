import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { clipPreprocess, formatPreprocessorConfig } from "@clip-ts/image";
import { formatClipConfig, initClip, preset, type ClipConfig } from "@clip-ts/model";
import { captureOutput, goldenPath, writeGoldenModel } from "@clip-ts/test-utils";
import {
  bytesSource,
  fromFloat32,
  openSafetensors,
  readAll,
  saveParams,
  serializeSafetensors,
  toBytes,
  toFloat32,
} from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-convert-"));
afterAll(() => rm(folder, { recursive: true }));
const model = writeGoldenModel(join(folder, "model"), "hf");
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const weights = (name: string): Promise<Buffer> => readFile(at(name, "model.safetensors"));

async function readTensors(bytes: Uint8Array) {
  return readAll(await openSafetensors(bytesSource(bytes)));
}

/** A folder with a small model whose weights depend on the seed. */
async function writeNano(name: string, seed: number): Promise<string> {
  const config = preset("nano");
  const params = initClip(config, seed);
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(at(name), description, params);
  dispose(flattenTree<Tensor>(params));
  return at(name);
}

test("hf to openai to hf gives the same bytes, by way of OpenAI's own tensors", async () => {
  expect((await run("convert", model, at("openai"), "--to", "openai")).result).toBe(0);
  const reference = await readTensors(await readFile(goldenPath("clip-vit/openai-names.safetensors")));
  const renamed = await readTensors(await weights("openai"));
  expect(Object.keys(renamed)).toEqual(Object.keys(reference));
  for (const [name, { shape, bytes }] of Object.entries(reference)) {
    expect(renamed[name]?.shape, name).toEqual(shape);
    expect(Buffer.compare(renamed[name]!.bytes, bytes), name).toBe(0);
  }

  const back = await run("convert", at("openai"), at("hf"), "--to", "hf");
  expect([back.result, back.stdout]).toEqual([0, ""]);
  expect(back.stderr).toMatch(/^wrote 94 tensors, \d\.\d MiB, to /);
  expect((await weights("hf")).equals(await weights("model"))).toBe(true);
});

test("half precision stays half, bit by bit", async () => {
  const whole = await readTensors(await weights("model"));
  const halves = Object.fromEntries(
    Object.entries(whole).map(([name, tensor]) => [name, fromFloat32(toFloat32(tensor), tensor.shape, "BF16")]),
  );
  const half = writeGoldenModel(at("half"), "hf");
  const original = toBytes(serializeSafetensors(halves, { format: "pt" }));
  await writeFile(join(half, "model.safetensors"), original);
  await run("convert", half, at("half-openai"), "--to", "openai");
  const renamed = Object.values(await readTensors(await weights("half-openai")));
  expect(new Set(renamed.map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
  await run("convert", at("half-openai"), at("half-back"), "--to", "hf");
  expect((await weights("half-back")).equals(original)).toBe(true);
});

test("the folder also gets config, preprocessing and tokenizer", async () => {
  const source = await writeNano("described", 1);
  await run("convert", source, at("whole"), "--to", "hf");
  expect((await readdir(at("whole"))).toSorted()).toEqual([
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "self-check.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  expect(JSON.parse(await readFile(at("whole", "config.json"), "utf8"))).toEqual(formatClipConfig(preset("nano")));
});

test("what readers of the target will do otherwise with pictures is said", async () => {
  const source = await writeNano("behind", 1);
  const preprocess = { ...clipPreprocess(8), alpha: [255, 255, 255] as const };
  const json = JSON.stringify(formatPreprocessorConfig(preprocess));
  await writeFile(at("behind", "preprocessor_config.json"), json);
  const noted = async (target: string): Promise<string[]> => {
    const { stderr } = await run("convert", source, at(`behind-${target}`), "--to", target);
    return stderr.split("\n").filter((line) => line.includes("clip_ts."));
  };
  const background = "will not lay transparent pixels over the background 255 255 255";
  expect(await noted("hf")).toEqual([expect.stringContaining(`transformers ${background}`)]);
  expect(await noted("open_clip")).toEqual([
    expect.stringContaining(`open_clip ${background}`),
    expect.stringContaining("open_clip makes RGB after the resize"),
    expect.stringContaining("open_clip takes the even pixel"),
  ]);
  expect(await noted("onnx")).toEqual([expect.stringContaining(`Other programs ${background}`)]);
  const plain = await run("convert", await writeNano("plain", 1), at("plain-hf"), "--to", "hf");
  expect(plain.stderr).not.toContain("clip_ts.");
});

test("a ResNet of open_clip's there and back, bit by bit", async () => {
  const source = at("resnet");
  await mkdir(source);
  for (const name of ["open_clip_config.json", "open_clip_model.safetensors"]) {
    await copyFile(goldenPath(`clip-resnet/${name}`), join(source, name));
  }
  expect((await run("convert", source, at("resnet-hf"), "--to", "hf")).result).toBe(0);
  const names = Object.keys(await readTensors(await weights("resnet-hf")));
  expect(names).toContain("vision_model.layer2.1.bn3.running_var");
  expect((await run("convert", at("resnet-hf"), at("resnet-back"), "--to", "open_clip")).result).toBe(0);
  const read = async (folder: string, name: string): Promise<Buffer> => readFile(at(folder, name));
  const original = await readTensors(await read("resnet", "open_clip_model.safetensors"));
  const back = await readTensors(await read("resnet-back", "open_clip_model.safetensors"));
  expect(back).toEqual(original);
  const config = JSON.parse((await read("resnet-back", "open_clip_config.json")).toString()) as object;
  const expected = JSON.parse((await read("resnet", "open_clip_config.json")).toString()) as object;
  expect(config).toEqual(expected);
});

test("SigLIP's preprocessing goes with it, and what open_clip cannot build is refused", async () => {
  const source = at("siglip");
  await mkdir(source);
  for (const name of ["config.json", "model.safetensors"]) {
    await copyFile(goldenPath(`siglip/${name}`), join(source, name));
  }
  expect((await run("convert", source, at("siglip-openai"), "--to", "openai")).result).toBe(0);
  const file = await readFile(at("siglip-openai", "preprocessor_config.json"), "utf8");
  expect(JSON.parse(file)).toMatchObject({
    size: { height: 32, width: 32 },
    image_std: [0.5, 0.5, 0.5],
  });
  expect((await run("convert", at("siglip-openai"), at("siglip-hf"), "--to", "hf")).result).toBe(0);
  expect((await weights("siglip-hf")).equals(await weights("siglip"))).toBe(true);
  const refused = await run("convert", source, at("none"), "--to", "open_clip");
  expect(refused.result).toBe(1);
  expect(refused.stderr).toContain("a SigLIP transformer of this size");
});

test("--image-size interpolates the positions and says so in config and preprocessing", async () => {
  const source = await writeNano("square", 1);
  const { result } = await run("convert", source, at("larger"), "--to", "hf", "--image-size", "12");
  expect(result).toBe(0);
  const name = "vision_model.embeddings.position_embedding.weight";
  const before = (await readTensors(await weights("square")))[name]!;
  const after = (await readTensors(await weights("larger")))[name]!;
  expect([before.shape, after.shape]).toEqual([
    [5, 16],
    [10, 16],
  ]);
  expect(toFloat32(after).slice(0, 16)).toEqual(toFloat32(before).slice(0, 16)); // the class token's
  const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(at("larger", file), "utf8"));
  expect(await json("config.json")).toMatchObject({ vision_config: { image_size: 12 } });
  expect(await json("preprocessor_config.json")).toMatchObject({ size: { shortest_edge: 12 } });
  const small = await run("convert", source, at("none"), "--to", "hf", "--image-size", "3");
  expect(small.stderr).toContain("smaller than a patch of 4");
  const both = ["--image-size", "12", "--resolution", "16"];
  const twice = await run("convert", source, at("none"), "--to", "hf", ...both);
  expect(twice.stderr).toContain("--image-size and --resolution are the same");
});

test("--interpolate writes the weights between two models", async () => {
  const [first, second] = [await writeNano("first", 1), await writeNano("second", 2)];
  const mix = (...more: string[]) =>
    run("convert", first, at("mixed"), "--to", "openai", "--interpolate", second, ...more);
  expect((await mix("--alpha", "0.25")).result).toBe(0);
  const tensors = await Promise.all(["first", "second", "mixed"].map(async (name) => readTensors(await weights(name))));
  const [a, b] = tensors.slice(0, 2).map((all) => toFloat32(all["visual_projection.weight"]!));
  await run("convert", at("mixed"), at("mixed-hf"), "--to", "hf");
  const mixed = toFloat32((await readTensors(await weights("mixed-hf")))["visual_projection.weight"]!);
  mixed.forEach((value, index) => {
    expect(value).toBeCloseTo(0.75 * a![index]! + 0.25 * b![index]!, 6);
  });
  expect((await mix("--alpha", "2")).result).toBe(2);
  const alone = await run("convert", first, at("none"), "--to", "hf", "--alpha", "0.1");
  expect(alone.stderr).toContain("--alpha goes with --interpolate");
});

test("a file of weights needs no config, but heads and activation where nothing says them", async () => {
  const openai = preset("ViT-B/32");
  const { vision, text } = openai;
  const small = {
    ...openai,
    projectionDim: 8,
    vision: { ...vision, width: 64, heads: 1, layers: 1, mlpWidth: 8, imageSize: 32 },
    text: {
      ...text,
      width: 64,
      heads: 1,
      layers: 1,
      mlpWidth: 8,
    },
  } as ClipConfig;
  const params = initClip(small, 1);
  const file = at("weights.safetensors");
  await writeFile(file, toBytes(await saveParams(params)));
  dispose(flattenTree<Tensor>(params));
  const unsure = await run("convert", file, at("none"), "--to", "hf");
  expect(unsure.stderr).toMatch(/QuickGELU \(OpenAI's\) or GELU/u);
  const sure = await run("convert", file, at("inferred"), "--to", "hf", "--activation", "quick_gelu", "--heads", "1,1");
  expect(sure.result).toBe(0);
  const guess = "took the class token for the image, a causal mask, id 49407 for the end of a caption";
  expect(sure.stderr.replaceAll("\n", " ")).toContain(`${file} has no config: ${guess}, as in CLIP`);
  const named = await run("convert", file, at("named"), "--to", "hf", "--preset", "RN50");
  expect(named.stderr).toContain("does not fit the model");
  const config = at("inferred", "config.json");
  const again = await run("convert", file, at("again"), "--to", "hf", "--config", config);
  expect(again.result).toBe(0);
  const both = ["--config", config, "--preset", "RN50"];
  expect((await run("convert", file, at("none"), "--to", "hf", ...both)).result).toBe(2);
  expect(JSON.parse(await readFile(at("inferred", "config.json"), "utf8"))).toEqual(formatClipConfig(small));
});

test("weights that do not fit their config are refused before anything is written", async () => {
  const source = await writeNano("wrong", 1);
  const config = formatClipConfig({ ...preset("nano"), projectionDim: 9 });
  await writeFile(join(source, "config.json"), JSON.stringify(config));
  const { result, stderr } = await run("convert", source, at("nothing"), "--to", "hf");
  expect(result).toBe(1);
  expect(stderr).toContain("visual_projection.weight: expected [9, 16], file has [8, 16]");
  await expect(readdir(at("nothing"))).rejects.toThrow("ENOENT");
});

test("onnx writes a folder of graphs, in the precisions asked for", async () => {
  const words = ["convert", model, at("graphs"), "--to", "onnx", "--dtype", "q8,f16"];
  const { result, stdout, stderr } = await run(...words);
  expect([result, stdout]).toEqual([0, ""]);
  expect(stderr).toMatch(/^wrote onnx\/model_quantized\.onnx, 0\.\d MiB\nwrote onnx\/model_fp16/u);
  expect(await readdir(at("graphs", "onnx"))).toHaveLength(6);
  const config = JSON.parse(await readFile(at("graphs", "config.json"), "utf8")) as object;
  expect(config).toMatchObject({ model_type: "clip", "transformers.js_config": { dtype: "q8" } });
});

test("savedmodel writes one file and what describes the model", async () => {
  const { result, stderr } = await run("convert", model, at("saved"), "--to", "savedmodel");
  expect(result).toBe(0);
  expect(stderr).toMatch(/^wrote saved_model\.pb, \d\.\d MiB, to /u);
  expect((await readdir(at("saved"))).toSorted()).toEqual([
    "config.json",
    "preprocessor_config.json",
    "saved_model.pb",
    "self-check.json",
  ]);
});

test("unknown targets and the model itself are refused", async () => {
  const unknown = await run("convert", model, at("none"), "--to", "toString");
  expect([unknown.result, unknown.stderr]).toEqual([
    2,
    "clip-ts: --to toString: expected hf, openai, open_clip, big_vision, torchvision, roberta, onnx or savedmodel.\n",
  ]);
  const dtype = await run("convert", model, at("none"), "--to", "onnx", "--dtype", "f32,f64");
  expect([dtype.result, dtype.stderr]).toEqual([2, "clip-ts: --dtype f64: expected some of f32, f16, q8.\n"]);
  for (const target of ["hf", "savedmodel"]) {
    const argv = ["convert", model, at("none"), "--to", target, "--dtype", "f16"];
    expect((await run(...argv)).stderr).toBe("clip-ts: --dtype goes with --to onnx only.\n");
  }
  const same = await run("convert", model, join(model, ".."), "--to", "hf");
  expect(same.result).toBe(0); // the folder above is another folder
  const itself = await run("convert", model, join(model, "..", "model"), "--to", "hf");
  expect(itself.result).toBe(1);
  expect(itself.stderr).toContain("is the model itself");
});
