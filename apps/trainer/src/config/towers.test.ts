import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { flattenTree, initHostParams } from "@clip-ts/core";
import { clipPreprocess, formatPreprocessorConfig, siglipPreprocess, type Preprocessing } from "@clip-ts/image";
import { clipSpec, initClip } from "@clip-ts/model";
import { writeModel } from "@clip-ts/node";
import { goldenArrays, goldenPath, tensorsLeftBy } from "@clip-ts/test-utils";
import { fromFloat32, fromInt32, serializeSafetensors, toBytes } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { configOf as runOf, folder, takeSteps } from "../commands/train/run-here.test.ts";
import { openRunModel } from "./model.ts";
import type { RunOptions } from "./options.ts";

/** A run of the smallest preset with other towers' weights. */
const configOf = (model: object, steps = 3): RunOptions =>
  runOf("towers", { seed: 3, steps, model: { preset: "nano", ...model } });

/** torchvision's transformer and RoBERTa at the sizes of the reference checkpoints. */
const dual = {
  preset: "ViT-B-32-roberta",
  imageSize: 32,
  contextLength: 16,
  vocabSize: 200,
  projectionDim: 8,
  architecture: {
    vision: { layers: 2, width: 64, heads: 4, mlpWidth: 128, patchSize: 8 },
    text: { layers: 2, width: 48, heads: 3, mlpWidth: 144, layerNormEps: 1e-12 },
  },
} as const;
const vision = goldenPath("torchvision-vit/model.safetensors");
const text = goldenPath("roberta/model.safetensors");

/** GPT-2's characters for bytes: those that can be seen stand for themselves, others for 256 and on. */
const byteCharacters = ((): string[] => {
  const isSeen = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let hidden = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isSeen(byte) ? byte : hidden++));
})();

/** A folder of its own with a tokenizer of single bytes: 261 ids. */
function tokenizerFolder(name: string): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  const words = ["<s>", "<pad>", "</s>", "<unk>", ...byteCharacters, "<mask>"];
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  writeFileSync(join(place, "vocab.json"), JSON.stringify(vocab));
  writeFileSync(join(place, "merges.txt"), "#version: 0.2\n");
  return place;
}

test("a tower that does not fit the preset is refused, and nothing is left behind", async () => {
  const { start } = await openRunModel(configOf({ vision }).model);
  const left = await tensorsLeftBy(() => expect(start()).rejects.toThrow(/does not fit the model/u));
  expect(left).toBe(0);
});

test("dropout of a text tower that has none is refused", async () => {
  await expect(openRunModel(configOf({ textDropout: 0.1 }).model)).rejects.toThrow(
    '"model.textDropout": only BERT, RoBERTa, AltCLIP and M2M-100 drop anything',
  );
});

test("without towers a preset starts from its seed", async () => {
  const { description, start } = await openRunModel(configOf({}).model);
  const spec = clipSpec(description.config);
  const [mine, theirs] = [await start(), initHostParams(spec, 3)];
  expect(Object.keys(mine)).toEqual(Object.keys(flattenTree(spec)));
  const name = "text_projection.weight";
  expect(mine[name]).toEqual(theirs[name]);
});

test("a tower starts from the weights that the config names, the rest from the seed", async () => {
  const place = join(folder, "words");
  const { description } = await openRunModel(configOf({}).model);
  const [other, fresh] = [9, 3].map((seed) => flattenTree<Tensor>(initClip(description.config, seed)));
  await writeModel(place, description, other!);
  const { start } = await openRunModel(configOf({ text: place }).model);
  for (const [name, leaf] of Object.entries(await start())) {
    const source = name.startsWith("text_model.") ? other : fresh;
    expect([...leaf.data], name).toEqual([...(await source![name]!.data())]);
  }
  for (const tree of [other, fresh]) dispose(tree!);
});

test("a tower for other images is interpolated", async () => {
  const place = join(folder, "pictures");
  const { description } = await openRunModel(configOf({}).model);
  const params = flattenTree<Tensor>(initClip(description.config, 9));
  await writeModel(place, description, params);
  dispose({ ...params });
  const { before, metrics } = await takeSteps(configOf({ vision: place, imageSize: 16 }, 1));
  expect(before["vision_model.embeddings.position_embedding.weight"]).toHaveLength(17 * 16);
  expect(metrics[0]!.loss).toBeGreaterThan(0);
});

test("torchvision's and RoBERTa's weights train a step", async () => {
  const pairs = join(folder, "pairs.safetensors");
  const ids = Int32Array.from([0, 5, 6, 2, 0, 7, 2, 1]);
  const pixels = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, index) => Math.sin(index));
  const tensors = {
    "pixel_values.0": fromFloat32(pixels, [2, 3, 32, 32]),
    "input_ids.0": fromInt32(ids, [2, 4]),
  };
  writeFileSync(pairs, toBytes(serializeSafetensors(tensors)));
  const data = { train: { kind: "tensors", path: pairs } };
  const model = { ...dual, vision, text };
  const { before, after } = await takeSteps(runOf("dual", { model, data, steps: 1 }));
  const stored = goldenArrays("torchvision-vit/model.safetensors")["class_token"]!;
  const name = "vision_model.embeddings.class_embedding";
  expect([...before[name]!]).toEqual([...stored.values]);
  expect(after[name]).not.toEqual(before[name]);
});

/** The preprocessing of torchvision's weights: ImageNet's colours. */
const torchvision = (size: number): Preprocessing => ({
  ...clipPreprocess(size),
  interpolation: "bilinear",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
});

test("preprocessing is the vision tower's own, else its family's", async () => {
  const preprocessFor = async (model: object, data: object = {}): Promise<Preprocessing> => {
    const train = { kind: "tensors", path: "never read" };
    const config = runOf("preprocess", { model, data: { train, ...data } });
    return (await openRunModel(config.model)).description.preprocess;
  };
  expect(await preprocessFor({ ...dual, vision })).toEqual(torchvision(32));
  expect(await preprocessFor({ preset: "ViT-B-16-SigLIP" })).toEqual(siglipPreprocess(224));
  expect(await preprocessFor({ preset: "nano" })).toEqual(clipPreprocess(8));
  const place = join(folder, "tower");
  mkdirSync(place);
  copyFileSync(vision, join(place, "model.safetensors"));
  const own = { ...siglipPreprocess(32), std: [0.2, 0.3, 0.4] } as const;
  writeFileSync(join(place, "preprocessor_config.json"), JSON.stringify(formatPreprocessorConfig(own)));
  expect(await preprocessFor({ ...dual, imageSize: 64, vision: place })).toEqual({
    ...own,
    size: 64,
  });
  const white = { background: [255, 255, 255] };
  expect(await preprocessFor({ ...dual, vision }, white)).toMatchObject({ alpha: [255, 255, 255] });
  const said = { mean: 0.5, std: [0.25, 0.5, 0.25], interpolation: "lanczos", resize: "longest", fill: 127 };
  expect(await preprocessFor({ ...dual, vision, preprocess: said })).toEqual({
    ...torchvision(32),
    ...said,
    mean: [0.5, 0.5, 0.5],
  });
  const larger = { preset: "nano", preprocess: { resizeTo: 10 } };
  expect(await preprocessFor(larger)).toEqual({ ...clipPreprocess(8), resizeTo: 10 });
  await expect(preprocessFor({ preset: "nano", preprocess: { std: 0 } })).rejects.toThrow(/std above 0/u);
  expect(() => runOf("preprocess", { model: { preset: "nano", preprocess: { resize: "widest" } } })).toThrow(
    /model.preprocess.resize/u,
  );
});

test("a tokenizer is named, lies beside the text tower, or is asked for before anything is built", async () => {
  const place = tokenizerFolder("tokenizer");
  const larger = { ...dual, vocabSize: 300 };
  const vocabularyFor = async (model: object): Promise<number | undefined> =>
    (await openRunModel(runOf("tokenizer", { model }).model)).description.tokenizer?.vocabSize;
  expect(await vocabularyFor({ ...larger, text, tokenizer: place })).toBe(261);
  expect(await vocabularyFor({ ...larger, tokenizer: join(place, "vocab.json") })).toBe(261);
  copyFileSync(text, join(place, "model.safetensors"));
  expect(await vocabularyFor({ ...larger, text: place })).toBe(261);
  const left = await tensorsLeftBy(async () => {
    await expect(vocabularyFor({ ...dual, text })).rejects.toThrow(
      'The text tower is RoBERTa\'s, and no folder that the config names has its tokenizer: set "model.tokenizer"',
    );
    await expect(vocabularyFor({ preset: "ViT-B-16-SigLIP" })).rejects.toThrow(
      'The text tower is SigLIP\'s, and no folder that the config names has its tokenizer: set "model.tokenizer"',
    );
  });
  expect(left).toBe(0);
  await expect(vocabularyFor({ ...dual, tokenizer: folder })).rejects.toThrow(`There is no tokenizer in ${folder}`);
  await expect(vocabularyFor({ ...dual, tokenizer: place })).rejects.toThrow(
    'The tokenizer makes 261 ids, but the text tower reads 200: set "model.vocabSize"',
  );
});
