import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { siglipPreprocess } from "@clip-ts/image";
import { initClip, preset, type ClipConfig } from "@clip-ts/model";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { configOf, folder, takeSteps, type Taken } from "../commands/train/run-here.test.ts";
import { openRunModel, type RunModel } from "./model.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel, writeTokenizer } from "@clip-ts/node";

const nano = preset("nano");
const stored = {
  ...nano,
  vision: { ...nano.vision, imageSize: 16, patchDropout: 0.5 },
} as ClipConfig;
const from = join(folder, "stored");

beforeAll(async () => {
  const params = initClip(stored, 2);
  const preprocess = siglipPreprocess(16);
  await writeModel(from, { config: stored, preprocess, ...tokenizerFor(stored) }, params);
  dispose(flattenTree<Tensor>(params));
});

const open = (model: object): Promise<RunModel> =>
  openRunModel(configOf("stored", { model: { from, ...model } }).model);
const step = (model: object): Promise<Taken> => takeSteps(configOf("stored", { model: { from, ...model }, steps: 1 }));

test("a stored model learns from images of another size: positions are interpolated", async () => {
  const { description, notes } = await open({ imageSize: 24 });
  expect(description.config).toEqual({ ...stored, vision: { ...stored.vision, imageSize: 24 } });
  expect(description.preprocess).toEqual(siglipPreprocess(24));
  expect(notes).toContain("positions for 16 px are interpolated for 24 px");
  const name = "vision_model.embeddings.position_embedding.weight";
  const [same, larger] = [await step({}), await step({ imageSize: 24 })];
  expect(same.before[name]).toHaveLength(17 * 16);
  expect(larger.before[name]).toHaveLength(37 * 16);
  expect(larger.before[name]!.slice(0, 16)).toEqual(same.before[name]!.slice(0, 16));
  expect({ ...larger.before, [name]: 0 }).toEqual({ ...same.before, [name]: 0 });
  expect(larger.metrics[0]!.loss).toBeGreaterThan(0);
});

test("a size smaller than a patch is refused before anything is loaded", async () => {
  await expect(open({ imageSize: 3 })).rejects.toThrow("smaller than a patch of 4");
});

test("how images become input may be changed", async () => {
  const { description } = await open({ imageSize: 32, preprocess: { mean: 0.5, resize: "longest", fill: 9 } });
  const changes = { size: 32, mean: [0.5, 0.5, 0.5], resize: "longest", fill: 9 };
  expect(description.preprocess).toMatchObject(changes);
});

test("other sizes stay, and the error says what can be changed", async () => {
  await expect(open({ contextLength: 20, architecture: {} })).rejects.toThrow(
    'remove "model.architecture", "model.contextLength". What can be changed of it: "model.imageSize", ' +
      '"model.preprocess", "model.patchDropout", "model.textDropout", "model.tokenizer".',
  );
});

test("patch dropout is inherited with a word about it, and 0 ends it", async () => {
  const [inherited, ended] = [await open({}), await open({ patchDropout: 0 })];
  expect(inherited.description.config.vision).toMatchObject({ patchDropout: 0.5 });
  expect(inherited.notes).toEqual([expect.stringContaining('"model.patchDropout: 0"')]);
  expect(ended.description.config.vision).toMatchObject({ patchDropout: 0 });
  expect(ended.notes).toEqual([]);
  const [dropped, whole] = [await step({}), await step({ patchDropout: 0 })];
  expect(whole.metrics[0]!.loss).not.toBe(dropped.metrics[0]!.loss);
});

test("a tokenizer may be named for CLIP's tower too; one with another end token is refused", async () => {
  const { description } = await open({ tokenizer: from });
  expect(description.tokenizer?.vocabSize).toBe(nano.text.vocabSize);
  const larger = join(folder, "larger");
  const { text } = nano;
  const vocabSize = text.vocabSize + 100;
  const { tokenizer } = tokenizerFor({ ...nano, text: { ...text, vocabSize } as typeof text });
  await mkdir(larger);
  await writeTokenizer(larger, tokenizer!);
  await expect(open({ tokenizer: larger })).rejects.toThrow("The tokenizer ends captions with 699");
});
