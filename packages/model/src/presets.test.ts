import { isClipError } from "@clip-ts/base";
import { countParams, flattenTree, isStatistic, sizeOf, type ParamSpec } from "@clip-ts/core";
import { goldenArrays, goldenJson, refusalOf, tensorsLeftBy } from "@clip-ts/test-utils";
import { textSpec } from "@clip-ts/text-encoder";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { visionSpec } from "@clip-ts/vision-encoder";
import { expect, test } from "vitest";
import { parseClipConfig } from "./config-files/hugging-face.ts";
import { preset, presetNames } from "./presets.ts";
import { towerPreset, towerPresetNames, type VisionTowerName } from "./presets/towers.ts";
import { clipSpec, initClip } from "./spec.ts";

test.each([
  ["ViT-B/32", 398, 151_277_313],
  ["ViT-B/16", 398, 149_620_737],
  ["ViT-L/14", 590, 427_616_513],
  ["ViT-L/14-336", 590, 427_944_193],
  ["small", 94, 2_135_169],
  ["tiny", 78, 354_561],
  ["nano", 46, 13_685],
])("%s has %i tensors and %i parameters", (name, tensors, parameters) => {
  const spec = clipSpec(preset(name));
  expect(Object.keys(flattenTree(spec))).toHaveLength(tensors);
  expect(countParams(spec)).toBe(parameters);
});

/** Counted by torchvision 0.28, without the classifier, and by transformers 5.18, without the pooler. */
test.each([
  ["vit_b_16", 85_798_656],
  ["vit_b_32", 87_455_232],
  ["vit_l_16", 303_301_632],
  ["vit_l_32", 305_510_400],
  ["vit_h_14", 630_764_800],
  ["siglip2-base-patch16-naflex", 92_930_304],
  ["siglip2-so400m-patch16-naflex", 427_888_064],
  ["roberta-base", 124_055_040],
  ["roberta-large", 354_310_144],
  ["xlm-roberta-base", 277_453_056],
  ["xlm-roberta-large", 558_840_832],
])("the tower %s has %i parameters, as published", (name, parameters) => {
  const tower = towerPreset(name as VisionTowerName);
  const spec = "patchSize" in tower ? visionSpec(tower) : textSpec(tower);
  expect(countParams(spec)).toBe(parameters);
});

test("a tower that is no preset is refused with the names of those that are", () => {
  const { message: refused } = refusalOf(() => towerPreset("vit_b_8" as VisionTowerName));
  expect(refused).toContain('There is no tower preset "vit_b_8"');
  for (const name of towerPresetNames) expect(refused).toContain(name);
});

/** Counted by open_clip 3.3 and transformers 5.18; running statistics are no parameters. */
test.each([
  ["ViT-B-32", 151_277_313],
  ["ViT-B-32-quickgelu", 151_277_313],
  ["ViT-B-16", 149_620_737],
  ["ViT-L-14", 427_616_513],
  ["ViT-L-14-336", 427_944_193],
  ["ViT-H-14", 986_109_441],
  ["RN50", 102_007_137],
  ["RN101", 119_688_033],
  ["RN50x4", 178_300_601],
  ["RN50x16", 290_979_217],
  ["RN50x64", 623_258_305],
  ["ViT-B-16-SigLIP", 203_155_970],
  ["siglip2-base-patch16-naflex", 375_234_050],
])("%s has %i trained parameters, as published", (name, parameters) => {
  expect(trainedParams(name)).toBe(parameters);
});

test("small-resnet is small's text side, one layer of it, beside open_clip's ModifiedResNet", () => {
  const { vision, text, projectionDim } = preset("small-resnet");
  expect(vision).toMatchObject({ kind: "resnet", imageSize: 32, outputDim: projectionDim });
  expect(text).toEqual({ ...preset("small").text, layers: 1 });
  const layer = 198_272; // the second one: attention 66,048, MLP 131,712, norms 512
  expect(trainedParams("small-resnet")).toBe(1_360_664 + 1_465_857 - layer); // counted by PyTorch, by hand
});

test("ViT-B-32-roberta is torchvision's and RoBERTa's towers, two heads and the scale", () => {
  const torchvision = 88_224_232 - 769_000; // vit_b_32 without its classifier
  const roberta = 124_055_040; // RobertaModel without its pooler
  expect(trainedParams("ViT-B-32-roberta")).toBe(torchvision + roberta + 2 * 512 * 768 + 1);
});

test("every name builds a model, and -quickgelu changes nothing but activations", () => {
  for (const name of presetNames) {
    if (name === "ViT-SO400M-14-SigLIP-384") continue; // its patches do not divide its images
    expect(countParams(clipSpec(preset(name)))).toBeGreaterThan(0);
  }
  expect(preset("ViT-B/32")).toEqual(preset("ViT-B-32-quickgelu"));
  const plain = JSON.stringify(preset("RN50-quickgelu")).replaceAll("quick_gelu", "gelu");
  expect(JSON.parse(plain)).toEqual(preset("RN50"));
});

function trainedParams(name: string): number {
  const leaves = Object.entries(flattenTree<ParamSpec>(clipSpec(preset(name))));
  const trained = leaves.filter(([, leaf]) => !isStatistic(leaf));
  return trained.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
}

/** One line for each different parameter; the layers of a tower are counted, not repeated. */
function listing(spec: object): string {
  const seen = new Map<string, number>();
  for (const [path, { shape }] of Object.entries(flattenTree<ParamSpec>(spec))) {
    const line = `${path.replace(/layers\.\d+\./u, "layers.*.")} [${shape.join(", ")}]`;
    seen.set(line, (seen.get(line) ?? 0) + 1);
  }
  return [...seen].map(([line, count]) => (count === 1 ? line : `${count} x ${line}`)).join("\n");
}

test("ViT-B/32 has the names and shapes of the published checkpoint", () => {
  expect(listing(clipSpec(preset("ViT-B/32")))).toMatchInlineSnapshot(`
    "vision_model.embeddings.class_embedding [768]
    vision_model.embeddings.patch_embedding.weight [768, 3, 32, 32]
    vision_model.embeddings.position_embedding.weight [50, 768]
    vision_model.pre_layrnorm.weight [768]
    vision_model.pre_layrnorm.bias [768]
    12 x vision_model.encoder.layers.*.layer_norm1.weight [768]
    12 x vision_model.encoder.layers.*.layer_norm1.bias [768]
    12 x vision_model.encoder.layers.*.self_attn.q_proj.weight [768, 768]
    12 x vision_model.encoder.layers.*.self_attn.q_proj.bias [768]
    12 x vision_model.encoder.layers.*.self_attn.k_proj.weight [768, 768]
    12 x vision_model.encoder.layers.*.self_attn.k_proj.bias [768]
    12 x vision_model.encoder.layers.*.self_attn.v_proj.weight [768, 768]
    12 x vision_model.encoder.layers.*.self_attn.v_proj.bias [768]
    12 x vision_model.encoder.layers.*.self_attn.out_proj.weight [768, 768]
    12 x vision_model.encoder.layers.*.self_attn.out_proj.bias [768]
    12 x vision_model.encoder.layers.*.layer_norm2.weight [768]
    12 x vision_model.encoder.layers.*.layer_norm2.bias [768]
    12 x vision_model.encoder.layers.*.mlp.fc1.weight [3072, 768]
    12 x vision_model.encoder.layers.*.mlp.fc1.bias [3072]
    12 x vision_model.encoder.layers.*.mlp.fc2.weight [768, 3072]
    12 x vision_model.encoder.layers.*.mlp.fc2.bias [768]
    vision_model.post_layernorm.weight [768]
    vision_model.post_layernorm.bias [768]
    text_model.embeddings.token_embedding.weight [49408, 512]
    text_model.embeddings.position_embedding.weight [77, 512]
    12 x text_model.encoder.layers.*.layer_norm1.weight [512]
    12 x text_model.encoder.layers.*.layer_norm1.bias [512]
    12 x text_model.encoder.layers.*.self_attn.q_proj.weight [512, 512]
    12 x text_model.encoder.layers.*.self_attn.q_proj.bias [512]
    12 x text_model.encoder.layers.*.self_attn.k_proj.weight [512, 512]
    12 x text_model.encoder.layers.*.self_attn.k_proj.bias [512]
    12 x text_model.encoder.layers.*.self_attn.v_proj.weight [512, 512]
    12 x text_model.encoder.layers.*.self_attn.v_proj.bias [512]
    12 x text_model.encoder.layers.*.self_attn.out_proj.weight [512, 512]
    12 x text_model.encoder.layers.*.self_attn.out_proj.bias [512]
    12 x text_model.encoder.layers.*.layer_norm2.weight [512]
    12 x text_model.encoder.layers.*.layer_norm2.bias [512]
    12 x text_model.encoder.layers.*.mlp.fc1.weight [2048, 512]
    12 x text_model.encoder.layers.*.mlp.fc1.bias [2048]
    12 x text_model.encoder.layers.*.mlp.fc2.weight [512, 2048]
    12 x text_model.encoder.layers.*.mlp.fc2.bias [512]
    text_model.final_layer_norm.weight [512]
    text_model.final_layer_norm.bias [512]
    visual_projection.weight [512, 768]
    text_projection.weight [512, 512]
    logit_scale []"
  `);
});

test("names and shapes are those Hugging Face's library saves", () => {
  const spec = clipSpec(parseClipConfig(goldenJson("clip-vit/config.json")));
  const ours = Object.entries(flattenTree<ParamSpec>(spec)).map(([path, leaf]) => [path, leaf.shape]);
  const theirs = Object.entries(goldenArrays("clip-vit/model.safetensors")).map(([path, array]) => [path, array.shape]);
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
});

test("the deviations are OpenAI's", () => {
  const spec = flattenTree<ParamSpec>(clipSpec(preset("ViT-B/32")));
  const std = (path: string): number => {
    const init = spec[path]!.init;
    return init.kind === "normal" ? init.std : Number.NaN;
  };
  const layer = "text_model.encoder.layers.0";
  expect(std(`${layer}.self_attn.q_proj.weight`)).toBeCloseTo(512 ** -0.5, 12);
  expect(std(`${layer}.self_attn.out_proj.weight`)).toBeCloseTo(512 ** -0.5 * 24 ** -0.5, 12);
  expect(std(`${layer}.mlp.fc1.weight`)).toBeCloseTo(1024 ** -0.5, 12);
  expect(std(`${layer}.mlp.fc2.weight`)).toBeCloseTo(512 ** -0.5 * 24 ** -0.5, 12);
  expect(std("text_model.embeddings.token_embedding.weight")).toBe(0.02);
  expect(std("text_model.embeddings.position_embedding.weight")).toBe(0.01);
  expect(std("vision_model.embeddings.class_embedding")).toBeCloseTo(768 ** -0.5, 12);
  expect(std("visual_projection.weight")).toBeCloseTo(768 ** -0.5, 12);
  expect(std("text_projection.weight")).toBeCloseTo(512 ** -0.5, 12);
  expect(spec["logit_scale"]!.init).toEqual({ kind: "constant", value: Math.log(1 / 0.07) });
});

test.each(["ViT-B/31", "toString"])('"%s" is no preset; the error lists those there are', (name) => {
  let caught: unknown;
  try {
    preset(name);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-config");
  for (const known of presetNames) expect(caught.message).toContain(known);
});

test("a fresh model is one tensor for each leaf of its spec", async () => {
  let params: object = {};
  const left = await tensorsLeftBy(() => {
    params = initClip(preset("nano"), 1);
  });
  expect(left).toBe(Object.keys(flattenTree(clipSpec(preset("nano")))).length);
  dispose(Object.values(flattenTree<Tensor>(params)));
});
