import { flattenTree, isStatistic, sizeOf, type ParamSpec } from "@clip-ts/core";
import { expect, test } from "vitest";
import type { ResNetConfig, VisionConfig, VitConfig } from "./config.ts";
import { visionFeatureWidth, visionSpec } from "./towers.ts";

type ResNetSizes = Omit<ResNetConfig, "kind" | "channels" | "heads">;

const resNet = (sizes: ResNetSizes): ResNetConfig => ({
  kind: "resnet",
  channels: 3,
  heads: sizes.width / 2, // 64 channels each
  ...sizes,
});

const base: VitConfig = {
  imageSize: 224,
  channels: 3,
  patchSize: 32,
  width: 768,
  layers: 12,
  heads: 12,
  mlpWidth: 3072,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};

/** Trained values of the towers as open_clip 3.3, torchvision 0.28 and transformers 5.18 build them. */
const published: readonly (readonly [string, VisionConfig, number])[] = [
  ["RN50", resNet({ imageSize: 224, layers: [3, 4, 6, 3], width: 64, outputDim: 1024 }), 38_316_896],
  ["RN101", resNet({ imageSize: 224, layers: [3, 4, 23, 3], width: 64, outputDim: 512 }), 56_259_936],
  ["RN50x4", resNet({ imageSize: 288, layers: [4, 6, 10, 6], width: 80, outputDim: 640 }), 87_137_080],
  ["RN50x16", resNet({ imageSize: 384, layers: [6, 8, 18, 8], width: 96, outputDim: 768 }), 167_328_912],
  ["RN50x64", resNet({ imageSize: 448, layers: [3, 15, 36, 10], width: 128, outputDim: 1024 }), 420_380_352],
  ["ViT-B-32 without its projection", base, 87_849_216 - 768 * 512],
  [
    "torchvision's vit_b_32 without its head",
    { ...base, preNorm: false, patchBias: true, activation: "gelu", layerNormEps: 1e-6 },
    87_455_232,
  ],
  [
    "ViT-B-16-SigLIP",
    {
      ...base,
      patchSize: 16,
      preNorm: false,
      patchBias: true,
      classToken: false,
      pooling: "attention",
    },
    92_884_224,
  ],
];

test.each(published)("%s has the published number of parameters", (_, config, expected) => {
  const leaves = Object.entries(flattenTree<ParamSpec>(visionSpec(config)));
  const trained = leaves.filter(([, leaf]) => !isStatistic(leaf));
  expect(trained.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0)).toBe(expected);
});

test("the feature is as long as the tower's width, or as what a ResNet projects to", () => {
  expect(published.map(([, config]) => visionFeatureWidth(config))).toEqual([1024, 512, 640, 768, 1024, 768, 768, 768]);
});
