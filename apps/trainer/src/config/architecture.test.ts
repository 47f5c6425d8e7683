import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromFloat32, fromInt32, serializeSafetensors, toBytes } from "@clip-ts/weights";
import { beforeAll, expect, test } from "vitest";
import { configOf, folder, takeSteps, type Taken } from "../commands/train/run-here.test.ts";
import { parseConfig } from "./load-config.ts";
import { openRunModel } from "./model.ts";

type Model = Readonly<Record<string, unknown>>;

const images = join(folder, "images.safetensors");

/** Four pairs of 8 by 8 pixels and captions of 6 ids: start, words, end, padding. */
function writePairs({ start, end, pad }: Record<"start" | "end" | "pad", number>): void {
  const pixels = Float32Array.from({ length: 4 * 3 * 64 }, (_, index) => Math.sin(index * 0.7));
  const words = [
    [start, 5, 6, end, pad, pad],
    [start, 7, end, pad, pad, pad],
    [start, 8, 9, 10, 11, end],
    [start, 12, 13, 14, end, pad],
  ];
  const tensors = {
    "pixel_values.0": fromFloat32(pixels, [4, 3, 8, 8]),
    "input_ids.0": fromInt32(Int32Array.from(words.flat()), [4, 6]),
  };
  writeFileSync(images, toBytes(serializeSafetensors(tensors)));
}

/** One step of a model on those pairs. */
const oneStep = (model: Model): Promise<Taken> => {
  const data = { train: { kind: "tensors", path: images } };
  return takeSteps(configOf("architecture", { model, steps: 1, data }));
};

const lossOf = ({ metrics }: Taken): number => metrics[0]!.loss;

let plain: Taken;
beforeAll(async () => {
  writePairs({ start: 598, end: 599, pad: 0 });
  plain = await oneStep({ preset: "nano" });
});

/** Changes, and parameters that they add or (with a minus) take away. */
const changes: readonly (readonly [string, object, ...string[]])[] = [
  ["average pooling", { vision: { pooling: "mean" } }],
  ["no norm before the blocks", { vision: { preNorm: false } }, "-vision_model.pre_layrnorm.weight"],
  ["GELU", { vision: { activation: "gelu" } }],
  ["tanh-GELU", { text: { activation: "gelu_pytorch_tanh" } }],
  ["LayerScale of images", { vision: { layerScale: 0.1 } }, "vision_model.encoder.layers.0.layer_scale1.lambda1"],
  ["LayerScale of captions", { text: { layerScale: 0.1 } }, "text_model.encoder.layers.0.layer_scale2.lambda1"],
  ["fixed positions", { vision: { positions: "sincos" } }, "-vision_model.embeddings.position_embedding.weight"],
  ["no class token", { vision: { classToken: false, pooling: "mean" } }, "-vision_model.embeddings.class_embedding"],
  ["a bias on the patches", { vision: { patchBias: true } }, "vision_model.embeddings.patch_embedding.bias"],
  ["a pooler", { vision: { pooling: "pooler" } }, "vision_model.pooler.dense.weight"],
  ["attention pooling", { vision: { pooling: "attention" } }, "vision_model.head.probe"],
  ["smaller patches", { vision: { patchSize: 2 } }],
  ["two layers", { vision: { layers: 2 } }, "vision_model.encoder.layers.1.layer_norm1.weight"],
  ["no mask", { text: { causal: false } }],
  ["the last token pooled", { text: { pooling: "last" } }],
  ["an MLP head of images", { imageHead: "mlp" }, "visual_projection.fc1.weight"],
  ["an MLP head of captions", { textHead: "mlp" }, "text_projection.fc2.weight"],
  ["a head with a bias", { textHead: "affine" }, "text_projection.bias"],
  ["a starting scale", { initialLogitScale: 1 }],
];

test.each(changes)("%s is trained, and takes effect", async (_what, architecture, ...named) => {
  const params = named as string[];
  const taken = await oneStep({ preset: "nano", architecture });
  const [had, has] = [plain, taken].map(({ before }) => Object.keys(before));
  for (const param of params) {
    const isRemoved = param.startsWith("-");
    const name = isRemoved ? param.slice(1) : param;
    expect([had!.includes(name), has!.includes(name)]).toEqual([isRemoved, !isRemoved]);
  }
  // A bias starts at zero: it shows in what is learned.
  const isBias = params.some((param) => param.endsWith(".bias"));
  if (isBias) expect(taken.after[params[0]!]).not.toEqual(taken.before[params[0]!]);
  else expect(Math.abs(lossOf(taken) - lossOf(plain))).toBeGreaterThan(1e-6);
  expect(lossOf(taken)).toBeGreaterThan(0);
});

test("a wider tower widens its hidden layers with it, unless they are said", async () => {
  const widths = async (vision: object): Promise<unknown> => {
    const { description } = await openRunModel(
      configOf("wide", { model: { preset: "nano", architecture: { vision } } }).model,
    );
    return description.config.vision;
  };
  expect(await widths({ width: 32 })).toMatchObject({ width: 32, mlpWidth: 128 });
  expect(await widths({ width: 32, mlpWidth: 40 })).toMatchObject({ width: 32, mlpWidth: 40 });
});

/** torchvision's transformer and RoBERTa at the sizes of the smallest preset. */
const small = { layers: 1, heads: 2 };
const dual = (text: object, vision: object = {}): Model => ({
  preset: "ViT-B-32-roberta",
  imageSize: 8,
  contextLength: 12,
  vocabSize: 600,
  projectionDim: 8,
  architecture: {
    vision: { ...small, width: 16, patchSize: 4, ...vision },
    text: { ...small, width: 12, ...text },
  },
});

test("RoBERTa pools its first token, the mean, the largest values or by a pooler", async () => {
  writePairs({ start: 0, end: 2, pad: 1 });
  const losses: number[] = [];
  for (const pooling of ["first", "mean", "max", "pooler"]) {
    losses.push(lossOf(await oneStep(dual({ pooling }))));
  }
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(new Set(losses.map((loss) => loss.toFixed(5))).size).toBe(4);
});

test("any of torchvision's transformers is a preset with other sizes", async () => {
  const model = {
    preset: "ViT-B-32-roberta",
    architecture: { vision: { width: 1024, layers: 24, heads: 16, patchSize: 16 } },
  };
  const data = { train: { kind: "tensors", path: images } };
  const { description } = await openRunModel(configOf("vit-l-16", { model, data }).model);
  expect(description.config.vision).toMatchObject({
    width: 1024,
    layers: 24,
    heads: 16,
    mlpWidth: 4096,
    patchSize: 16,
    imageSize: 224,
    preNorm: false,
    patchBias: true,
    activation: "gelu",
    layerNormEps: 1e-6,
  });
});

const messageFor = (model: object): string => {
  try {
    const data = { train: { kind: "synthetic" } };
    parseConfig({ run: "x", model, data, steps: 1 }, "run.yaml");
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

test("misspelt and impossible fields are refused", async () => {
  expect(messageFor({ preset: "nano", architecture: { vision: { preNrom: false } } })).toContain(
    '"model.architecture.vision.preNrom" is not a setting. Did you mean "preNorm"?',
  );
  expect(messageFor({ preset: "nano", architecture: { vision: { pooling: "avg" } } })).toContain(
    '"model.architecture.vision.pooling"',
  );
  expect(messageFor({ preset: "nano", architecture: { text: { pooling: "middle" } } })).toContain(
    "expected end, last or first in CLIP's tower, first, mean, max or pooler in BERT and RoBERTa",
  );
  expect(messageFor({ preset: "nano", architecture: { text: { kind: "roberta" } } })).toContain(
    '"model.architecture.text.kind": a tower keeps its kind: take another preset, or describe',
  );
  const opened = (preset: string, architecture: object): Promise<unknown> =>
    openRunModel(configOf("faults", { model: { preset, architecture } }).model);
  await expect(opened("small-resnet", { vision: { preNorm: false } })).rejects.toThrow(
    '"model.architecture.vision" does not fit the tower, which is a ResNet. "preNorm": a ResNet has channels, layers,',
  );
  await expect(opened("nano", { text: { pooling: "mean" } })).rejects.toThrow(
    /which is CLIP's text tower\. "pooling": .*"end"/u,
  );
  await expect(opened("nano", { vision: { heads: 3 } })).rejects.toThrow("A width of 16 cannot be split over 3 heads");
});
