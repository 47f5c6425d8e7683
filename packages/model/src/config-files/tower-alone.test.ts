import { flattenTree, type ParamSpec } from "@clip-ts/core";
import { goldenJson, goldenTowers } from "@clip-ts/test-utils";
import { textSpec, type RobertaTextConfig } from "@clip-ts/text-encoder";
import { visionSpec } from "@clip-ts/vision-encoder";
import { expect, test } from "vitest";
import { inferTowerConfig } from "../infer/infer-clip-config.ts";
import { preset } from "../presets.ts";
import { clipSpec } from "../spec.ts";
import { formatTorchvisionConfig, parseTowerConfig } from "./tower-alone.ts";

const shapes = (tree: object, prefix = ""): Map<string, readonly number[]> =>
  new Map(Object.entries(flattenTree<ParamSpec>(tree)).map(([name, { shape }]) => [prefix + name, shape]));

test("torchvision's arguments and RoBERTa's config.json are towers", () => {
  const json = {
    image_size: 32,
    patch_size: 8,
    num_layers: 2,
    num_heads: 4,
    hidden_dim: 64,
    mlp_dim: 128,
  };
  const { torchvision } = goldenTowers;
  expect(parseTowerConfig(json)).toEqual({ side: "vision", config: torchvision });
  expect(formatTorchvisionConfig({ vision: torchvision })).toEqual(json);
  const roberta = { ...goldenTowers.roberta, hiddenDropout: 0.1, attentionDropout: 0.1 };
  expect(parseTowerConfig(goldenJson("roberta/config.json"))).toEqual({
    side: "text",
    config: roberta,
  });
  expect(() => parseTowerConfig({ ...json, num_heads: 5 })).toThrow("a divisor of hidden_dim 64");
  const { vision } = preset("ViT-B/32");
  expect(() => formatTorchvisionConfig({ vision })).toThrow("torchvision cannot run this model");
});

test("CLIP's vision tower alone is one, whole models are not", () => {
  const json = { model_type: "clip_vision_model", hidden_act: "quick_gelu" };
  const { vision } = preset("ViT-B/32");
  expect(parseTowerConfig(json)).toEqual({ side: "vision", config: vision });
  for (const other of [{ model_type: "clip" }, {}, { hidden_dim: 8 }]) {
    expect(parseTowerConfig(other)).toBeUndefined();
  }
});

test("without a config, the shapes tell a tower", () => {
  const { torchvision } = goldenTowers;
  const image = shapes(visionSpec(torchvision), "vision_model.");
  const { heads } = torchvision;
  expect(() => inferTowerConfig(image)).toThrow("how many attention heads");
  expect(inferTowerConfig(image, { heads: { vision: heads } })).toEqual({
    side: "vision",
    config: torchvision,
  });
  const published = preset("ViT-B-32-roberta").vision; // torchvision's vit_b_32
  expect(inferTowerConfig(shapes(visionSpec(published), "vision_model."))).toEqual({
    side: "vision",
    config: published,
  });
  const words = { ...goldenTowers.roberta, layerNormEps: 1e-5 };
  for (const pooling of ["first", "pooler"] as const) {
    const config: RobertaTextConfig = { ...words, pooling };
    const text = shapes(textSpec(config), "text_model.");
    const given = { text: words.heads };
    expect(inferTowerConfig(text, { heads: given })).toEqual({ side: "text", config });
  }
  expect(inferTowerConfig(shapes(clipSpec(preset("nano"))))).toBeUndefined();
  expect(inferTowerConfig(new Map())).toBeUndefined();
});
