import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flattenTree, type ParamSpec } from "@clip-ts/core";
import { clipPreprocess, formatPreprocessorConfig, siglipPreprocess, torchvisionPreprocess } from "@clip-ts/image";
import { clipSpec, formatClipConfig, formatOpenClipConfig, preset, type ClipConfig } from "@clip-ts/model";
import { goldenPath } from "@clip-ts/test-utils";
import { convertTensors, fromFloat32, serializeSafetensors, toBytes, type HostTensor } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test, vi } from "vitest";
import { writeOpenClipDescription } from "./write-model.ts";
import { closing, loadModelParams } from "@clip-ts/inference";
import { openModel } from "./open-model.ts";

const root = await mkdtemp(join(tmpdir(), "clip-ts-describe-"));
afterAll(() => rm(root, { recursive: true }));

async function folder(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  const path = join(root, name);
  await mkdir(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  return path;
}

/** Zeros of every shape that the config asks for. */
function zeros(config: ClipConfig): Record<string, HostTensor> {
  const spec = Object.entries(flattenTree<ParamSpec>(clipSpec(config)));
  return Object.fromEntries(
    spec.map(([name, { shape }]) => {
      const length = shape.reduce((product, side) => product * side, 1);
      return [name, fromFloat32(new Float32Array(length), shape)];
    }),
  );
}

const file = (tensors: Record<string, HostTensor>): Uint8Array => toBytes(serializeSafetensors(tensors));

const nano = preset("nano");
/** Small, with heads as long as OpenAI's. */
const openai: ClipConfig = {
  ...nano,
  vision: { ...nano.vision, width: 64, heads: 1, layers: 1 } as ClipConfig["vision"],
  text: { ...nano.text, width: 64, heads: 1, layers: 1 } as ClipConfig["text"],
};

test("an open_clip folder gives config, preprocessing and weights", async () => {
  const path = await folder("open-clip", {});
  for (const name of ["open_clip_config.json", "open_clip_model.safetensors"]) {
    await copyFile(goldenPath(`clip-resnet/${name}`), join(path, name));
  }
  const { config, preprocess } = await openModel(path);
  expect(config.vision).toMatchObject({
    kind: "resnet",
    layers: [1, 2, 1, 1],
    width: 8,
    heads: 32,
  });
  expect(preprocess).toEqual(torchvisionPreprocess(clipPreprocess(64)));
  const params = await closing(await openModel(path), loadModelParams);
  const flat = flattenTree<Tensor>(params);
  expect(flat["vision_model.layer1.0.bn1.running_var"]?.shape).toEqual([8]);
  dispose(flat);
});

test("preprocessing travels through open_clip's folder", async () => {
  const path = join(root, "squash");
  const preprocess = { ...siglipPreprocess(8), interpolation: "bilinear" as const };
  await writeOpenClipDescription(path, { config: openai, preprocess });
  const found = await openModel(path);
  expect(found.config).toEqual(openai);
  await writeFile(join(path, "config.json"), JSON.stringify({ model_type: "timm_wrapper" }));
  expect((await openModel(path)).config).toEqual(openai);
  expect(found.preprocess).toEqual(torchvisionPreprocess(preprocess));
  const written = JSON.parse(await readFile(join(path, "open_clip_config.json"), "utf8")) as object;
  expect(written).toMatchObject({
    preprocess_cfg: { resize_mode: "squash", mean: [0.5, 0.5, 0.5] },
  });
});

test("preprocessing that cannot be done is refused", async () => {
  const config = formatOpenClipConfig(openai);
  for (const [key, value] of Object.entries({
    resize_mode: "widest",
    mean: [1],
    std: [1, 1, -1],
    size: -8,
    mode: "L",
    interpolation: "spline",
    fill_color: "white",
    crop_pct: 0.9,
  })) {
    const json = JSON.stringify({ ...config, preprocess_cfg: { [key]: value } });
    const path = await folder(`refused-${key}`, { "open_clip_config.json": json });
    await expect(openModel(path)).rejects.toThrow(`preprocess_cfg: "${key}" should be`);
  }
});

test("SigLIP without a preprocessor file is squashed, which is said once", async () => {
  const path = await folder("siglip", {});
  await copyFile(goldenPath("siglip/config.json"), join(path, "config.json"));
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  expect((await openModel(path)).preprocess).toEqual(siglipPreprocess(32));
  await openModel(path);
  expect(warned.mock.calls).toEqual([
    [expect.stringMatching(/siglip: no preprocessor_config.json .*: squashed to 32, bicubic/u)],
  ]);
  warned.mockRestore();
});

test("preprocessing of transformers 5 is read", async () => {
  const json = formatClipConfig(openai);
  const given = { ...clipPreprocess(8), interpolation: "bilinear" as const };
  const image_processor = formatPreprocessorConfig(given);
  const files = {
    "config.json": JSON.stringify(json),
    "processor_config.json": JSON.stringify({ image_processor, processor_class: "CLIPProcessor" }),
  };
  const onNotice = (line: string): never => expect.unreachable(line);
  const path = await folder("five", files);
  expect((await openModel(path, { onNotice })).preprocess).toEqual(given);
});

test("weights without a config are prepared for as OpenAI's code does", async () => {
  const tensors = await convertTensors(zeros(openai), "openai");
  const path = await folder("bare-gelu", { "model.safetensors": file(tensors) });
  const notices: string[] = [];
  const options = {
    like: openai,
    onNotice: (line: string) => void notices.push(line),
  } as const;
  const { preprocess } = await openModel(path, options);
  expect(preprocess).toEqual(torchvisionPreprocess(clipPreprocess(8)));
  expect(notices).toHaveLength(1);
});

test("without a config, heads and activation are asked for, or a config is named", async () => {
  const vocabSize = 49408;
  const text = { ...openai.text, vocabSize, startTokenId: vocabSize - 2, endTokenId: 49407 };
  const config = { ...openai, text } as ClipConfig;
  const tensors = await convertTensors(zeros(config), "openai");
  const path = await folder("bare", { "model.safetensors": file(tensors) });
  await expect(openModel(path)).rejects.toThrow(
    `${path} comes without a config, and its weights do not say how many attention heads the towers have and ` +
      "whether they were trained with QuickGELU (OpenAI's) or GELU (most of open_clip's); a wrong guess gives " +
      `wrong features. Write a folder that says it, and use that: clip-ts convert ${path} FOLDER --to hf ` +
      "--heads VISION,TEXT --activation gelu (or quick_gelu, gelu_pytorch_tanh; VISION,TEXT where they differ); " +
      "or with --config FILE (its config.json or open_clip_config.json) or --preset NAME, one of open_clip's.",
  );
  await expect(openModel(join(path, "model.safetensors"))).rejects.toThrow("QuickGELU");
  const heads = { vision: 1, text: 1 };
  const said = { heads, activation: "quick_gelu" } as const;
  expect((await openModel(path, said)).config).toEqual(config);
  const other = await folder("elsewhere", {
    "mine.json": JSON.stringify(formatClipConfig(config)),
  });
  const configFile = join(other, "mine.json");
  expect((await openModel(path, { configFile })).config).toEqual(config);
  expect((await openModel(path, { preset: "RN50" })).config).toEqual(preset("RN50"));
  expect((await openModel(path, { like: nano })).config).toEqual(nano);
  const whole = await folder("whole", { "config.json": JSON.stringify(formatClipConfig(config)) });
  await expect(openModel(whole, { heads })).rejects.toThrow(
    `--heads is for weights that come without a config, and ${whole} has one`,
  );
  const tower = await folder("tower", {});
  await copyFile(goldenPath("torchvision-vit/model.safetensors"), join(tower, "model.safetensors"));
  await expect(openModel(tower)).rejects.toThrow("holds one tower alone (torchvision's names)");
});

test("a config that contradicts OpenAI's checkpoint is an error, not a warning", async () => {
  const weights = file(zeros(openai));
  const gelu = (config: ClipConfig): ClipConfig => ({
    ...config,
    vision: { ...config.vision, activation: "gelu" } as ClipConfig["vision"],
  });
  const heads = (config: ClipConfig): ClipConfig => ({
    ...config,
    text: { ...config.text, heads: 2 } as ClipConfig["text"],
  });
  const at = (name: string, config: ClipConfig): Promise<string> =>
    folder(name, {
      "config.json": JSON.stringify(formatClipConfig(config)),
      "model.safetensors": weights,
    });
  const load = async (path: string): Promise<void> => {
    dispose(flattenTree<Tensor>(await closing(await openModel(path), loadModelParams)));
  };
  const snapshot = (name: string): string => join("models--openai--clip-vit-test", name);
  await expect(load(await at(snapshot("right"), openai))).resolves.toBeUndefined();
  await expect(load(await at(snapshot("gelu"), gelu(openai)))).rejects.toThrow(
    "was trained with QuickGELU, but the config says gelu",
  );
  await expect(load(await at(snapshot("heads"), heads(openai)))).rejects.toThrow(
    "whose text tower has 1 attention heads, but the config says 2",
  );
  await expect(load(await at("of-others", gelu(openai)))).resolves.toBeUndefined();
});

test("a head count that does not divide the width is refused at once", async () => {
  const config = formatClipConfig(openai) as { vision_config: object };
  const wrong = { ...config, vision_config: { ...config.vision_config, num_attention_heads: 5 } };
  const path = await folder("indivisible", { "config.json": JSON.stringify(wrong) });
  await expect(openModel(path)).rejects.toThrow(/num_attention_heads.*divisor/u);
});
