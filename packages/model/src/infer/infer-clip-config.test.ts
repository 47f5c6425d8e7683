import { flattenTree, type ParamSpec } from "@clip-ts/core";
import { expect, test } from "vitest";
import type { ClipConfig } from "../config.ts";
import { preset } from "../presets.ts";
import { clipSpec } from "../spec.ts";
import { inferClipConfig } from "./infer-clip-config.ts";

const shapesOf = (config: ClipConfig): Map<string, readonly number[]> => {
  const spec = Object.entries(flattenTree<ParamSpec>(clipSpec(config)));
  return new Map(spec.map(([name, { shape }]) => [name, shape]));
};

const base = preset("ViT-B/32");
const stack = {
  width: 128,
  heads: 2,
  layers: 2,
  mlpWidth: 200,
  activation: "gelu",
  layerNormEps: 1e-5,
} as const;
const resnet: ClipConfig = {
  ...base,
  projectionDim: 96,
  vision: {
    kind: "resnet",
    layers: [1, 3, 2, 1],
    width: 16,
    heads: 8,
    imageSize: 64,
    channels: 3,
    outputDim: 96,
  },
};
const roberta: ClipConfig = {
  ...base,
  textHead: "mlp",
  text: {
    kind: "roberta",
    ...stack,
    vocabSize: 300,
    contextLength: 20,
    startTokenId: 0,
    padTokenId: 1,
    endTokenId: 2,
    tokenTypes: 1,
    pooling: "mean",
  },
};
const tanh = { ...stack, activation: "gelu_pytorch_tanh", layerNormEps: 1e-6 } as const;
const siglip: ClipConfig = {
  projectionDim: 128,
  initialLogitScale: Math.log(10),
  loss: { kind: "sigmoid" },
  imageHead: "none",
  vision: {
    ...tanh,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    classToken: false,
    preNorm: false,
    patchBias: true,
    pooling: "attention",
  },
  text: {
    kind: "siglip",
    ...tanh,
    vocabSize: 200,
    contextLength: 16,
    endTokenId: 1,
    padTokenId: 1,
    headWidth: 128,
  },
};

const plain: ClipConfig = {
  ...base,
  vision: {
    ...stack,
    layerNormEps: 1e-12,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    preNorm: false,
    patchBias: true,
    pooling: "pooler",
  },
};

for (const [name, config] of Object.entries({
  base,
  plain,
  "ViT-L/14-336": preset("ViT-L/14-336"),
  resnet,
  roberta,
  siglip,
})) {
  test(`${name}: the shapes of a model tell its config`, () => {
    expect(inferClipConfig(shapesOf(config), { activation: "quick_gelu" })).toEqual(config);
  });
}

test("CLIP's activation has to be given; SigLIP's and RoBERTa's are known", () => {
  expect(() => inferClipConfig(shapesOf(base))).toThrow(/QuickGELU \(OpenAI's\) or GELU/);
  expect(inferClipConfig(shapesOf(siglip))).toEqual(siglip);
});

test("what the shapes cannot tell is an error that says so", () => {
  const narrow = { ...base, text: { ...base.text, width: 96 } } as ClipConfig;
  const infer = (shapes: Map<string, readonly number[]>) => () =>
    inferClipConfig(shapes, { activation: "gelu" });
  expect(infer(shapesOf(narrow))).toThrow("heads cannot be told from a width of 96");
  const cut = shapesOf(base);
  cut.delete("text_model.embeddings.position_embedding.weight");
  expect(infer(cut)).toThrow("position_embedding.weight is missing");
  const uneven = shapesOf(base).set("vision_model.embeddings.position_embedding.weight", [49, 768]);
  expect(infer(uneven)).toThrow("has 48 patch positions, which make no square");
  expect(infer(new Map())).toThrow(/^The model's sizes cannot be read/);
});
